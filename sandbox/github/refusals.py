"""Why a repository does not do what it is asked, in GitHub's words."""


class RefusedError(Exception):
    """What GitHub refuses; the message is GitHub's own wording."""


class ConflictError(Exception):
    """What the present state forbids."""
