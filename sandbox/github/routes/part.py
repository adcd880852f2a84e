"""What the parts of the API have in common: lists by page, who may change things, and what a ref names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TypeVar

from sandbox.github.commits import UnknownRefError
from sandbox.github.site import writer_of
from sandbox.github.web import json_body, json_response, page_of, permitted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiohttp import web

    from sandbox.github.commits import Commit
    from sandbox.github.credentials import Caller
    from sandbox.github.repository import Repository
    from sandbox.github.site import Site
    from sandbox.github.web import GitHubError, Json

REPOSITORY = "/repos/{owner}/{name}"
T = TypeVar("T")


class Part(ABC):
    """A part of the API, over what the site holds."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """What is served."""

    def _listed(
        self, request: web.Request, items: Sequence[T], shape: Callable[[T], Json], *, under: str = ""
    ) -> web.Response:
        """The asked page of a list; with `under` an object that counts all, and has the page under this key."""
        page, links = page_of(request, items, self._site.base)
        shown = [shape(one) for one in page]
        return json_response({"total_count": len(items), under: shown} if under else shown, headers=links)


async def change(request: web.Request, *keys: str) -> tuple[Caller, Json]:
    """Who changes something, and the request's object, which may have these keys alone.

    Raises GitHubError: 401 or 403 for who may not, 400 or 422 for what GitHub would not take.
    """
    caller = writer_of(request)
    body = await json_body(request)
    permitted(body, *keys)
    return caller, body


def commit_of(repository: Repository, ref: str, otherwise: GitHubError) -> Commit:
    """The commit that a branch, tag, full or abbreviated id names; raises the other where none is of that name."""
    try:
        return repository.graph.resolve(ref)
    except UnknownRefError as error:
        raise otherwise from error
