"""Repositories, commits, references, comparisons, contents and archives."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from sandbox.github import archives
from sandbox.github.commits import blob_id
from sandbox.github.merging import ahead
from sandbox.github.routes.part import REPOSITORY, Part, commit_of
from sandbox.github.shapes import commits as shapes_commits, common as shapes, trees as shapes_trees
from sandbox.github.site import caller_of
from sandbox.github.web import GitHubError, json_response, no_commit, not_found, page_of, requested_page


class GitRoutes(Part):
    """The endpoints of the commit graph."""

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.get(REPOSITORY, self.repository),
            web.get(REPOSITORY + "/commits", self.commits),
            web.get(REPOSITORY + "/commits/{ref:.+}", self.commit),
            web.get(REPOSITORY + "/git/ref/{ref:.+}", self.reference),
            web.get(REPOSITORY + "/git/refs", self.references),
            web.get(REPOSITORY + "/git/refs/{ref:.+}", self.references),
            web.get(REPOSITORY + "/git/matching-refs/{ref:.+}", self.references),
            web.get(REPOSITORY + "/git/trees/{ref:.+}", self.tree),
            web.get(REPOSITORY + "/git/blobs/{sha}", self.blob),
            web.get(REPOSITORY + "/git/tags/{sha}", self.tag_object),
            web.get(REPOSITORY + "/branches", self.branches),
            web.get(REPOSITORY + "/tags", self.tags),
            web.get(REPOSITORY + "/branches/{branch:.+}", self.branch),
            web.get(REPOSITORY + "/compare/{span:.+}", self.compare),
            web.get(REPOSITORY + "/contents{path:/?.*}", self.contents),
            web.get(REPOSITORY + "/{kind:tarball|zipball}{ref:(/.*)?}", self.archive),
        ]

    async def repository(self, request: web.Request) -> web.Response:
        """The repository."""
        repository = self._site.repository(request)
        caller = caller_of(request)
        contents = None if caller is None or caller.permissions is None else caller.permissions.get("contents", "none")
        may_write = caller is not None and caller.may_write and contents in (None, "write")
        return json_response(shapes.repository_full(self._site.base, repository, may_write=may_write))

    async def commits(self, request: web.Request) -> web.Response:
        """The history of a ref, newest first."""
        repository = self._site.repository(request)
        tip = commit_of(repository, request.query.get("sha", repository.default_branch), not_found())
        history = repository.graph.history(tip.sha)
        return self._listed(request, history, partial(shapes_commits.commit, self._site.base, repository))

    async def commit(self, request: web.Request) -> web.Response:
        """A commit by branch, tag, full or abbreviated SHA; only its SHA for application/vnd.github.sha."""
        repository = self._site.repository(request)
        ref = request.match_info["ref"]
        commit = commit_of(repository, ref, no_commit(ref))
        if "sha" in request.headers.get("Accept", ""):
            return web.Response(text=commit.sha, content_type="application/vnd.github.sha")
        return json_response(shapes_commits.commit_detailed(self._site.base, repository, commit))

    async def reference(self, request: web.Request) -> web.Response:
        """A reference by its full name."""
        repository = self._site.repository(request)
        wanted = f"refs/{request.match_info['ref']}"
        named = repository.graph.named(wanted)
        if named is None:
            raise not_found()
        return json_response(shapes.reference(self._site.base, repository, *named))

    async def references(self, request: web.Request) -> web.Response:
        """The references with this prefix."""
        repository = self._site.repository(request)
        graph = repository.graph
        references = [(f"refs/heads/{name}", sha) for name, sha in graph.branches.items()]
        references += [(f"refs/tags/{name}", sha) for name, sha in graph.tags.items()]
        prefix = f"refs/{request.match_info.get('ref', '')}"
        fits = [(name, sha) for name, sha in sorted(references) if name.startswith(prefix)]
        return self._listed(request, fits, lambda reference: shapes.reference(self._site.base, repository, *reference))

    async def tree(self, request: web.Request) -> web.Response:
        """The tree of a commit, by branch, tag or SHA; any value of `recursive`, also "0", lists its folders' files too."""
        repository = self._site.repository(request)
        commit = commit_of(repository, request.match_info["ref"], not_found())
        recursive = "recursive" in request.query
        return json_response(shapes_trees.tree(self._site.base, repository, commit.files, recursive=recursive))

    async def blob(self, request: web.Request) -> web.Response:
        """A file's content by its SHA."""
        repository = self._site.repository(request)
        sha = request.match_info["sha"]
        contents = {content for commit in repository.graph.commits.values() for content in commit.files.values()}
        content = next((each for each in contents if blob_id(each) == sha), None)
        if content is None:
            raise not_found()
        return json_response(shapes_trees.blob(self._site.base, repository, content))

    async def branches(self, request: web.Request) -> web.Response:
        """The branches by name: all, the protected ones, or the others."""
        repository = self._site.repository(request)
        wanted = {"true": True, "false": False}.get(request.query.get("protected", ""))
        names = sorted(repository.graph.branches)
        fits = [name for name in names if wanted in (None, name in repository.protections)]
        return self._listed(request, fits, partial(shapes_commits.branch_short, self._site.base, repository))

    async def tags(self, request: web.Request) -> web.Response:
        """The tags, each with its commit."""
        repository = self._site.repository(request)
        shape = partial(shapes_commits.tag, self._site.base, repository)
        return self._listed(request, sorted(repository.graph.tags, reverse=True), shape)

    async def tag_object(self, request: web.Request) -> web.Response:
        """The object of an annotated tag."""
        repository = self._site.repository(request)
        sha = request.match_info["sha"]
        for name, tag_object in repository.graph.tag_objects.items():
            if tag_object == sha:
                return json_response(shapes_commits.tag_object(self._site.base, repository, name))
        raise not_found()

    async def branch(self, request: web.Request) -> web.Response:
        """A branch."""
        repository = self._site.repository(request)
        name = request.match_info["branch"]
        if name not in repository.graph.branches:
            raise GitHubError(404, "Branch not found")
        return json_response(shapes_commits.branch(self._site.base, repository, name))

    async def compare(self, request: web.Request) -> web.Response:
        """The commits that the head has and the base does not."""
        repository = self._site.repository(request)
        base_ref, dots, head_ref = request.match_info["span"].partition("...")
        if not dots:
            raise not_found()
        base, head = commit_of(repository, base_ref, not_found()), commit_of(repository, head_ref, not_found())
        common = repository.graph.merge_base(base.sha, head.sha)
        if common is None:
            raise GitHubError(404, f"No common ancestor between {base_ref} and {head_ref}.")
        asked = request.query.keys() & {"page", "per_page"}
        _, links = page_of(request, ahead(repository.graph, base.sha, head.sha), self._site.base)
        page = shapes_commits.Page(*requested_page(request)) if asked else shapes_commits.Page()
        compared = shapes_commits.comparison(self._site.base, repository, base, head, common, page=page)
        return json_response(compared, headers=links if asked else {})

    async def contents(self, request: web.Request) -> web.Response:
        """A file with its content, or a directory."""
        repository = self._site.repository(request)
        ref = request.query.get("ref", repository.default_branch)
        commit = commit_of(repository, ref, GitHubError(404, f"No commit found for the ref {ref}"))
        path = request.match_info["path"].strip("/")
        if path in commit.files:
            if "raw" in request.headers.get("Accept", ""):
                return web.Response(body=commit.files[path], content_type="application/vnd.github.raw")
            content = shapes_commits.file_content(self._site.base, repository, ref, path, commit.files[path])
            return json_response(content)
        inside = shapes_commits.folder_content(self._site.base, repository, ref, path, commit.files)
        if not inside:
            raise not_found()
        return json_response(inside)

    async def archive(self, request: web.Request) -> web.Response:
        """A redirect to the archive, valid for a minute without a token."""
        repository = self._site.repository(request)
        ref = request.match_info["ref"].strip("/") or repository.default_branch
        commit = commit_of(repository, ref, not_found())
        name = archives.top_folder(repository, commit)
        if request.match_info["kind"] == "tarball":
            link = self._site.link(archives.tarball(repository, commit), "application/x-gzip", f"{name}.tar.gz")
        else:
            link = self._site.link(archives.zipball(repository, commit), "application/zip", f"{name}.zip")
        return web.Response(status=302, headers={"Location": link})
