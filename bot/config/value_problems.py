"""What is wrong with a text of the configuration: each function returns the problem and its remedy, or None."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from bot.settings import OWN_SECRETS
from runners.git_refs import is_pattern, is_ref
from runners.nearest import is_near, nearest

_DIRECTIONS = (
    *tuple(f"{part}{way}" for part in ("", "north", "south") for way in ("east", "west", "") if part or way),
    "central",
)
# Of GitHub, Slack, AWS, GitLab and HCP Terraform, by what their tokens begin with.
_TOKEN = re.compile(r"gh[pousr]_\w{16}|github_pat_|xox[a-z]-|xapp-|A[KS]IA[A-Z0-9]{16}$|glpat-|\w{14}\.atlasv1\.")
NO_NAME = (  # what is said of a token
    "looks like a token, so it is not shown; put it into the bot's environment under a name, and write the name"
)
REGION = rf"[a-z]{{2,4}}(?:-[a-z]+)?-(?:{'|'.join(_DIRECTIONS)})-\d"


def channel_problem(text: str) -> str | None:
    """A channel, by "#name" or its ID."""
    if re.fullmatch(r"[CG][A-Z0-9]{2,20}", text, re.ASCII):
        return None
    name = text.removeprefix("#")
    good = 0 < len(name) <= 80 and all(c.isalnum() or c in "-_" for c in name)
    if good and text != name:
        lower = name.lower()
        return None if name == lower else f'is not a channel: names have no capitals; did you mean "#{lower}"?'
    return 'is not a channel; write "#name" (with the quotes) or the channel ID'


def repository_problem(text: str) -> str | None:
    """A repository, as owner/name."""
    if "://" in text or text.startswith("git@"):
        return "is a URL; write owner/name"
    if text.endswith(".git"):
        return "ends in .git; write owner/name without it"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}", text, re.ASCII):
        return "is not a repository name; write owner/name"
    return "is not a repository name; write owner/name" if text.split("/")[1] in {".", ".."} else None


def person_problem(text: str) -> str | None:
    """A person or a user group, by ID."""
    if re.fullmatch(r"usergroup:S[A-Z0-9]{2,20}|[UW][A-Z0-9]{2,20}", text, re.ASCII):
        return None
    kind, colon, group = text.partition(":")
    if colon and is_near(kind, "usergroup") and re.fullmatch(r"S[A-Z0-9]{2,20}", group.upper(), re.ASCII):
        return f'is not a user group; did you mean "usergroup:{group.upper()}"?'
    if text.startswith("usergroup:") or re.fullmatch(r"S[A-Z0-9]{2,20}", text):
        return 'is not a user group; write "usergroup:" and the group ID, which starts with S (usergroup:S0123ABCD)'
    return "is not a user ID; copy the member ID from the person's profile (U0123ABCD), or write usergroup:S0123ABCD"


def region_problem(text: str) -> str | None:
    """A region of AWS: new ones too, whose last part is a direction and a digit."""
    if re.fullmatch(REGION, text, re.ASCII):
        return None
    if match := re.fullmatch(r"([a-z]{2,4}(?:-[a-z]+)?)-([a-z]+)-(\d)", text.casefold(), re.ASCII):
        area, direction, number = match.groups()
        if direction := nearest(direction, _DIRECTIONS):
            return f"is not an AWS region; did you mean {area}-{direction}-{number}?"
    return "is not an AWS region; write for example us-west-2"


def path_problem(text: str) -> str | None:
    """A path in the repository."""
    if text.startswith(("/", "~")) or re.match(r"[A-Za-z]:", text):
        return "is an absolute path; write a path relative to the repository"
    if ".." in PurePosixPath(text).parts:
        return 'is outside the repository; write the path without ".."'
    if not text or text.startswith("-") or not all(c.isprintable() and c != "\\" for c in text):
        return "is not a valid path; write printable characters, without a backslash or a leading dash"
    return None


def playbook_problem(text: str) -> str | None:
    """A playbook, whose name may have placeholders."""
    plain = text.replace("{machine}", "machine").replace("{environment}", "environment")
    if "{" in plain or "}" in plain:
        return "has an unknown placeholder; use only {machine} and {environment}"
    if not plain.endswith((".yml", ".yaml")):
        return "is not a playbook; the name must end in .yml or .yaml"
    return path_problem(plain)


def template_problem(text: str) -> str | None:
    """A text with placeholders."""
    plain = text.replace("{machine}", "").replace("{environment}", "")
    return "has an unknown placeholder; use only {machine} and {environment}" if "{" in plain or "}" in plain else None


def workflow_problem(text: str) -> str | None:
    """A file in .github/workflows."""
    if "/" in text:
        return "is a path; write only the file name, as it is in .github/workflows"
    good = re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_. -]*\.ya?ml", text, re.ASCII)
    return None if good else "is not a workflow file; the name must end in .yml or .yaml"


def ref_problem(text: str) -> str | None:
    """A branch, tag or commit."""
    good = is_ref(text) and text.isprintable()
    return None if good else "is not a valid branch, tag or commit; check the name"


def ref_pattern_problem(text: str) -> str | None:
    """A branch or tag, in which * is any text."""
    if text.startswith("refs/") and not text.startswith(("refs/heads/", "refs/tags/")):
        return "is neither a branch nor a tag; write its name, or refs/heads/… or refs/tags/…"
    good = is_pattern(text) and text.isprintable()
    return None if good else 'is not a branch or tag; write its name, in which "*" stands for any text without a slash'


def is_token(text: str) -> bool:
    """Whether a text looks like the token of a known service."""
    return bool(_TOKEN.match(text))


def secret_source_problem(text: str) -> str | None:
    """A variable of the environment that may be handed on."""
    if is_token(text):
        return NO_NAME
    if text in OWN_SECRETS:
        return "is Signalbox's own secret, which no other program gets; use a separate secret under another name"
    return variable_problem(text)


def variable_problem(text: str) -> str | None:
    """The name of a variable."""
    return (
        None
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", text, re.ASCII)
        else "is not a variable name; use letters, digits and underscores, without a leading digit"
    )


def regex_problem(text: str) -> str | None:
    """A regular expression."""
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is not a valid regular expression: {error}"
    return None if text else "is empty and would match every line; write a pattern"
