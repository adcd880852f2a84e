"""Repositories, commits, references, comparisons, contents and archives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.github import archives
from sandbox.github.commits import Commit, UnknownRefError
from sandbox.github.merging import ahead
from sandbox.github.shapes import commits as shapes_commits, common as shapes
from sandbox.github.site import caller_of
from sandbox.github.web import GitHubError, json_response, not_found, page_asked, page_of

if TYPE_CHECKING:
    from sandbox.github.repository import Repository
    from sandbox.github.site import Site

_REPOSITORY = "/repos/{owner}/{name}"


class GitRoutes:
    """Everything that reads the commit graph."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.get(_REPOSITORY, self.repository),
            web.get(_REPOSITORY + "/commits", self.commits),
            web.get(_REPOSITORY + "/commits/{ref:.+}", self.commit),
            web.get(_REPOSITORY + "/git/ref/{ref:.+}", self.reference),
            web.get(_REPOSITORY + "/git/refs", self.references),
            web.get(_REPOSITORY + "/git/refs/{ref:.+}", self.references),
            web.get(_REPOSITORY + "/git/matching-refs/{ref:.+}", self.references),
            web.get(_REPOSITORY + "/branches", self.branches),
            web.get(_REPOSITORY + "/branches/{branch:.+}", self.branch),
            web.get(_REPOSITORY + "/compare/{span:.+}", self.compare),
            web.get(_REPOSITORY + "/contents{path:/?.*}", self.contents),
            web.get(_REPOSITORY + "/{kind:tarball|zipball}{ref:(/.*)?}", self.archive),
        ]

    async def repository(self, request: web.Request) -> web.Response:
        """The repository itself."""
        repository = self._site.repository(request)
        caller = caller_of(request)
        contents = None if caller is None or caller.permissions is None else caller.permissions.get("contents", "none")
        may_write = caller is not None and caller.may_write and contents in (None, "write")
        return json_response(shapes.repository_full(self._site.base, repository, may_write=may_write))

    async def commits(self, request: web.Request) -> web.Response:
        """The history of a ref, newest first."""
        repository = self._site.repository(request)
        tip = _commit(repository, request.query.get("sha", repository.default_branch), unknown=404)
        history = repository.graph.history(tip.sha)
        page, links = page_of(request, history, self._site.base)
        shown = [shapes_commits.commit(self._site.base, repository, one) for one in page]
        return json_response(shown, headers=links)

    async def commit(self, request: web.Request) -> web.Response:
        """One commit by branch, tag, full or abbreviated id; only its id when asked for application/vnd.github.sha."""
        repository = self._site.repository(request)
        found = _commit(repository, request.match_info["ref"], unknown=422)
        if "sha" in request.headers.get("Accept", ""):
            return web.Response(text=found.sha, content_type="application/vnd.github.sha")
        return json_response(shapes_commits.commit_detailed(self._site.base, repository, found))

    async def reference(self, request: web.Request) -> web.Response:
        """One reference by its whole name."""
        repository = self._site.repository(request)
        wanted = f"refs/{request.match_info['ref']}"
        found = repository.graph.named(wanted)
        if found is None:
            raise not_found()
        return json_response(shapes.reference(self._site.base, repository, *found))

    async def references(self, request: web.Request) -> web.Response:
        """The references whose names begin so."""
        repository = self._site.repository(request)
        graph = repository.graph
        known = [(f"refs/heads/{name}", sha) for name, sha in graph.branches.items()]
        known += [(f"refs/tags/{name}", sha) for name, sha in graph.tags.items()]
        prefix = f"refs/{request.match_info.get('ref', '')}"
        fits = [(name, sha) for name, sha in sorted(known) if name.startswith(prefix)]
        page, links = page_of(request, fits, self._site.base)
        shown = [shapes.reference(self._site.base, repository, name, sha) for name, sha in page]
        return json_response(shown, headers=links)

    async def branches(self, request: web.Request) -> web.Response:
        """All branches by name."""
        repository = self._site.repository(request)
        page, links = page_of(request, sorted(repository.graph.branches), self._site.base)
        shown = [shapes_commits.branch_short(self._site.base, repository, name) for name in page]
        return json_response(shown, headers=links)

    async def branch(self, request: web.Request) -> web.Response:
        """One branch."""
        repository = self._site.repository(request)
        name = request.match_info["branch"]
        if name not in repository.graph.branches:
            raise GitHubError(404, "Branch not found")
        return json_response(shapes_commits.branch(self._site.base, repository, name))

    async def compare(self, request: web.Request) -> web.Response:
        """What the head has that the base has not."""
        repository = self._site.repository(request)
        one, dots, other = request.match_info["span"].partition("...")
        if not dots:
            raise not_found()
        base, head = _commit(repository, one, unknown=404), _commit(repository, other, unknown=404)
        common = repository.graph.merge_base(base.sha, head.sha)
        if common is None:
            raise GitHubError(404, f"No common ancestor between {one} and {other}.")
        asked = request.query.keys() & {"page", "per_page"}
        _, links = page_of(request, ahead(repository.graph, base.sha, head.sha), self._site.base)
        shown = shapes_commits.Shown(*page_asked(request)) if asked else shapes_commits.Shown()
        compared = shapes_commits.comparison(self._site.base, repository, base, head, common, shown=shown)
        return json_response(compared, headers=links if asked else {})

    async def contents(self, request: web.Request) -> web.Response:
        """A file with its content, or what lies in a directory."""
        repository = self._site.repository(request)
        ref = request.query.get("ref", repository.default_branch)
        try:
            commit = repository.graph.resolve(ref)
        except UnknownRefError as error:
            raise GitHubError(404, f"No commit found for the ref {ref}") from error
        path = request.match_info["path"].strip("/")
        if path in commit.files:
            if "raw" in request.headers.get("Accept", ""):
                return web.Response(body=commit.files[path], content_type="application/vnd.github.raw")
            found = shapes_commits.file_content(self._site.base, repository, ref, path, commit.files[path])
            return json_response(found)
        inside = shapes_commits.folder_content(self._site.base, repository, ref, path, commit.files)
        if not inside:
            raise not_found()
        return json_response(inside)

    async def archive(self, request: web.Request) -> web.Response:
        """A redirect to the archive, which needs no token and lives a minute."""
        repository = self._site.repository(request)
        ref = request.match_info["ref"].strip("/") or repository.default_branch
        commit = _commit(repository, ref, unknown=404)
        name = archives.top_folder(repository, commit)
        if request.match_info["kind"] == "tarball":
            link = self._site.link(archives.tarball(repository, commit), "application/x-gzip", f"{name}.tar.gz")
        else:
            link = self._site.link(archives.zipball(repository, commit), "application/zip", f"{name}.zip")
        return web.Response(status=302, headers={"Location": link})


def _commit(repository: Repository, ref: str, *, unknown: int) -> Commit:
    try:
        return repository.graph.resolve(ref)
    except UnknownRefError as error:
        message = f"No commit found for SHA: {ref}" if unknown == 422 else "Not Found"
        raise GitHubError(unknown, message) from error
