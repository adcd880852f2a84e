"""The repositories that our identity sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.errors import RunnerError

if TYPE_CHECKING:
    from runners.github import GitHub

MOST_PAGES = 5
PER_PAGE = 100


async def visible_repositories(github: GitHub) -> list[str]:
    """Their names (owner/name), those of the latest pushes first; empty where GitHub lists none for this identity.

    Sources: "List repositories for the authenticated user" and "List repositories accessible to the app installation" of GitHub's
    REST reference.
    """
    doing, names = "listing repositories", list[str]()
    path = "/installation/repositories" if github.is_app else "/user/repos?sort=pushed"
    try:
        for page in range(1, MOST_PAGES + 1):
            mark = "&" if "?" in path else "?"
            data = (await github.get(None, f"{path}{mark}per_page={PER_PAGE}&page={page}", doing=doing)).data
            listed = data["repositories"] if github.is_app else data
            names += [str(each["full_name"]) for each in listed]
            if len(listed) < PER_PAGE:
                break
    except (RunnerError, KeyError, TypeError):
        return names
    return names
