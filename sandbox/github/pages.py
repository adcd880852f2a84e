"""HTML pages behind the links in chat: a run with its jobs and logs, a commit, a comparison, downloads."""

from __future__ import annotations

import re
import time
from html import escape
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.github import archives
from sandbox.github.commits import UnknownRefError
from sandbox.github.differences import changed_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.github.repository import Repository
    from sandbox.github.runs import Job, Run
    from sandbox.github.site import Site

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
pre { font: 13px/1.45 ui-monospace, monospace; padding: .75rem 1rem; border: 1px solid #8884; border-radius: 6px; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
summary { font-size: 1.1rem; padding: .4rem 0; cursor: pointer; }
table { border-collapse: collapse; } td { padding: .15rem 1rem .15rem 0; vertical-align: top; }
.failure { color: #d1242f; } .success { color: #1a7f37; }
"""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_REPOSITORY = "/{owner}/{name}"


class Pages:
    """The HTML pages, without authentication."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[web.RouteDef]:
        """The routes of the pages."""
        run = _REPOSITORY + "/actions/runs/{run_id:[0-9]+}"
        return [
            web.get(run, self.run),
            web.get(run + "/job/{job_id:[0-9]+}", self.run),
            web.get(_REPOSITORY + "/commit/{sha}", self.commit),
            web.get(_REPOSITORY + "/compare/{span:.+}", self.compare),
            web.get("/_download/{key}/{filename}", self.download),
        ]

    async def download(self, request: web.Request) -> web.StreamResponse:
        """An archive or a log behind a link that is valid for a minute."""
        download = self._site.downloads.get(request.match_info["key"])
        if download is None or download.expires < time.monotonic():
            return web.Response(status=403, text="This link has expired.")
        headers = {"Content-Disposition": f'attachment; filename="{download.filename}"'}
        if isinstance(download.content, bytes):
            return web.Response(body=download.content, content_type=download.content_type, headers=headers)
        response = web.StreamResponse(headers={**headers, "Content-Type": download.content_type})
        await response.prepare(request)
        async for piece in download.content():
            await response.write(piece)
        return response

    async def run(self, request: web.Request) -> web.Response:
        """A run, its jobs, and the log of each."""
        repository = self._repository(request)
        run = repository.runs.get(int(request.match_info["run_id"]))
        if run is None:
            raise web.HTTPNotFound
        wanted = request.match_info.get("job_id")
        jobs = [job for job in run.jobs if str(job.job_id) == wanted] if wanted else run.latest_jobs
        commit = f'<a href="/{repository.full_name}/commit/{run.commit.sha}">{run.commit.short}</a>'
        head = (
            f"<h1>{escape(run.title)} #{run.number}</h1><p>{_state(run)} · {escape(run.event)} by {escape(run.actor)} · "
            f"{escape(run.branch)} at {commit} · attempt {run.attempt}</p>"
        )
        head += "".join(f'<p class="failure">{escape(problem)}</p>' for problem in run.problems)
        return _page(f"{run.title} #{run.number}", head + "".join(_job(job) for job in jobs))

    async def commit(self, request: web.Request) -> web.Response:
        """A commit with its patch."""
        repository = self._repository(request)
        try:
            commit = repository.graph.resolve(request.match_info["sha"])
        except UnknownRefError as error:
            raise web.HTTPNotFound from error
        before = repository.graph.commits[commit.parents[0]].files if commit.parents else {}
        body = f"<h1>{escape(commit.message.splitlines()[0])}</h1><p>{commit.sha} · {escape(commit.author.name)}</p>"
        return _page(commit.short, body + _patches(before, commit.files))

    async def compare(self, request: web.Request) -> web.Response:
        """The changes between two commits."""
        repository = self._repository(request)
        base, _, head = request.match_info["span"].partition("...")
        try:
            before, after = repository.graph.resolve(base), repository.graph.resolve(head)
        except UnknownRefError as error:
            raise web.HTTPNotFound from error
        title = f"{before.short}...{after.short}"
        return _page(title, f"<h1>{title}</h1>" + _patches(before.files, after.files))

    def _repository(self, request: web.Request) -> Repository:
        repository = self._site.repositories.get(f"{request.match_info['owner']}/{request.match_info['name']}")
        if repository is None:
            raise web.HTTPNotFound
        return repository


def _state(of: Run | Job) -> str:
    word = of.conclusion or of.status
    return f'<span class="{escape(word)}">{escape(word)}</span>'


def _job(job: Job) -> str:
    """A job, folded unless it failed or runs."""
    rows = "".join(
        f"<tr><td>{escape(step.name)}</td><td>{step.conclusion or step.status}</td></tr>" for step in job.steps
    )
    text = escape(_COLOUR.sub("", archives.log_text(job)))
    log = f"<pre>{text}</pre>" if job.log else ""
    is_open = "" if job.conclusion in {"success", "skipped", "cancelled"} else " open"
    return (
        f'<details id="{job.job_id}"{is_open}><summary>{escape(job.name)} · {_state(job)}</summary>'
        f"<table>{rows}</table>{log}</details>"
    )


def _patches(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> str:
    changes = changed_files(before, after)
    return "".join(
        f"<h2>{escape(change.path)} · {change.status}</h2><pre>{escape(change.patch)}</pre>" for change in changes
    )


def _page(title: str, body: str) -> web.Response:
    text = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>{body}'
    return web.Response(text=text, content_type="text/html")
