"""The base of the API's parts: paged lists, authorised changes, commits by ref."""

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
    """A part of the API."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """The routes."""

    def _listed(
        self, request: web.Request, items: Sequence[T], shape: Callable[[T], Json], *, under: str = ""
    ) -> web.Response:
        """The requested page of a list; with `under` an object with the total count and the page under this key."""
        page, links = page_of(request, items, self._site.base)
        answers = [shape(item) for item in page]
        return json_response({"total_count": len(items), under: answers} if under else answers, headers=links)


async def change(request: web.Request, *keys: str) -> tuple[Caller, Json]:
    """The caller of a change, and the request's object, which may have only these keys.

    Raises GitHubError: 401 or 403 for a caller without rights, 400 or 422 for an invalid body.
    """
    caller = writer_of(request)
    body = await json_body(request)
    permitted(body, *keys)
    return caller, body


def commit_of(repository: Repository, ref: str, otherwise: GitHubError) -> Commit:
    """The commit that a branch, tag, full or abbreviated SHA names; raises `otherwise` for an unknown name."""
    try:
        return repository.graph.resolve(ref)
    except UnknownRefError as error:
        raise otherwise from error
