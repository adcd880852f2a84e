"""The state that all routes share: repositories, credentials, and short-lived links."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.github.vault import Vault
from sandbox.github.web import GitHubError, not_found, numbered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sandbox.github.clock import Clock
    from sandbox.github.credentials import Caller, Credentials
    from sandbox.github.repository import Repository
    from sandbox.github.runs import Job, Run

CALLER: web.RequestKey[Caller | None] = web.RequestKey("caller", object)  # type: ignore[arg-type] # or None
LINK_LIFE = 60.0  # seconds; GitHub's links to logs and archives live a minute


@dataclass(frozen=True, slots=True)
class Download:
    """Content behind a short-lived link; large content is generated while it is sent."""

    content: bytes | Callable[[], AsyncIterator[bytes]]
    content_type: str
    filename: str
    expires: float


@dataclass(slots=True)
class Site:
    """The state behind the routes. `base` is the stand-in's own address, set when it has started."""

    repositories: dict[str, Repository]
    credentials: Credentials
    clock: Clock
    listing_lag: float
    base: str = ""
    api_path: str = ""  # prefix of the API: /api/v3 on an Enterprise server
    organization_vault: Vault = field(default_factory=Vault)
    log_lag: float = 0.0  # real seconds from a job's end until its log exists
    downloads: dict[str, Download] = field(default_factory=dict)

    def outward(self, body: bytes) -> bytes:
        """An answer with `api_path` in the API's URLs, which the shapes leave out."""
        if not self.api_path:
            return body
        addresses = re.escape(self.base.encode()) + b"/(?=(repos|users|orgs|app|installation)/)"
        return re.sub(addresses, f"{self.base}{self.api_path}/".encode(), body)

    def repository(self, request: web.Request) -> Repository:
        """The repository in the path, for an authenticated caller; 404 otherwise, as for any private one."""
        wanted = f"{request.match_info['owner']}/{request.match_info['name']}".lower()
        caller = caller_of(request)
        for name, repository in self.repositories.items():
            if name.lower() == wanted and caller is not None and _sees(caller, name):
                return repository
        raise not_found()

    def run(self, request: web.Request) -> tuple[Repository, Run]:
        """The run in the path."""
        repository = self.repository(request)
        return repository, numbered(repository.runs, request.match_info["run_id"])

    def job(self, request: web.Request) -> tuple[Repository, Run, Job]:
        """The job in the path."""
        repository = self.repository(request)
        wanted = _number(request.match_info["job_id"])
        for run in repository.runs.values():
            for job in run.jobs:
                if job.job_id == wanted:
                    return repository, run, job
        raise not_found()

    def link(self, content: bytes | Callable[[], AsyncIterator[bytes]], content_type: str, filename: str) -> str:
        """The URL of a download, valid for a minute, without a token."""
        now = time.monotonic()
        self.downloads = {key: download for key, download in self.downloads.items() if download.expires > now}
        key = secrets.token_urlsafe(16)
        self.downloads[key] = Download(content, content_type, filename, now + LINK_LIFE)
        return f"{self.base}/_download/{key}/{filename}"

    def expire_links(self) -> None:
        """Expire all links, for tests."""
        self.downloads.clear()


def caller_of(request: web.Request) -> Caller | None:
    """The caller of the request; None without an Authorization header."""
    return request.get(CALLER)


def writer_of(request: web.Request) -> Caller:
    """The caller of the request, if it may change things; 403 otherwise."""
    caller = caller_of(request)
    if caller is None:
        raise GitHubError(401, "Requires authentication")
    if not caller.may_write or caller.kind == "app":
        kind = "integration" if caller.kind != "user" else "personal access token"
        raise GitHubError(403, f"Resource not accessible by {kind}")
    return caller


def _sees(caller: Caller, repository: str) -> bool:
    if caller.scopes is not None and "repo" not in caller.scopes:
        return False
    return caller.repositories is None or repository in caller.repositories


def _number(text: str) -> int:
    if not text.isdecimal():
        raise not_found()
    return int(text)
