"""Names of branches and tags: exactly those that git takes. Pure."""

from __future__ import annotations

import re

# git-scm.com/docs/git-check-ref-format: control characters, and what revisions and patterns are written with.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]")
LONGEST = 244  # bytes of a name that GitHub accepts; its refs/heads/ and git's 255 for a file's name allow no more


COMMIT_SHA = re.compile(r"[0-9a-f]{7,40}")  # a commit as people type it: GitHub starts no workflow at one


def is_ref(name: str) -> bool:
    """Whether git takes the name for a branch (`git check-ref-format --branch`). A commit's SHA is such a name, too."""
    parts = name.split("/")
    return not (
        name in ("", "HEAD")
        or name.startswith("-")
        or name.endswith(".")
        or ".." in name
        or "@{" in name
        or _FORBIDDEN.search(name)
        or any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
        or not _is_text(name)
    )


def is_pattern(text: str) -> bool:
    """Whether `matches` can read it: a name of a branch or tag, perhaps full, in which `*` and `?` are wildcards."""
    return is_ref(re.sub(r"[*?]", "x", text))


def matches(full_name: str, pattern: str) -> bool:
    """Whether the pattern is for this branch or tag (refs/heads/main); a pattern that begins with refs/ is for one kind.

    `?` is one character and `*` are any but a slash, `**` any at all: as GitHub's workflows filter branches.
    """
    name = full_name if pattern.startswith("refs/") else full_name.removeprefix("refs/").partition("/")[2]
    return path_matches(name, pattern)


def path_matches(path: str, pattern: str) -> bool:
    """Whether the pattern is for this whole path: `?` is one character and `*` are any but a slash, `**` any at all."""
    wildcards = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*|\*|\?)", pattern)
    return re.fullmatch("".join(wildcards.get(part, re.escape(part)) for part in parts), path) is not None


def _is_text(name: str) -> bool:
    try:
        return len(name.encode()) <= LONGEST
    except UnicodeEncodeError:  # half of a character
        return False
