"""Refusals of a repository, in GitHub's words."""


class RefusedError(Exception):
    """GitHub refuses the request; the message is GitHub's."""


class ConflictError(Exception):
    """The present state forbids the request; the message is GitHub's."""
