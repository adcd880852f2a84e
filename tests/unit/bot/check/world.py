"""A configuration, Slack, GitHub and a database for `check`, in which tests break a thing at a time."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.check import check, lines
from bot.config import Config, read
from bot.slack.manifest import needed_scopes
from bot.slack.web_api import ChatError
from bot.store.database import Store

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp.typedefs import Handler

    from runners.github import GitHub


CONFIG = """\
slack: {channel: "#ops"}
github: {repository: acme/infrastructure}
aws: {region: us-west-2}
access: {operators: ["usergroup:S0INFRA", U0ANA], approvers: [U0ANA]}
operations: {isolation: none}
environments:
  dev:
    machines: [backend]
    channel: "#dev"
    deploy: {github_actions: {workflow: deploy-dev.yml, inputs: {verbose: "yes"}, mark_input: mark}}
"""


WITH_ANSIBLE = """\
  staging:
    machines: [backend]
    deploy:
      ansible: {directory: p, playbook: a.yml, user: u, private_key_env: DEPLOY_KEY, secret_vars: {password: DB_PASSWORD}}
    terraform: {directory: instances/staging}
    daemons: {backend: [upload]}
"""


ENVIRON = {"SIGNALBOX_KEY": "set", "SLACK_SIGNING_SECRET": "shh", "PATH": "/usr/bin:/bin"}


WORKFLOW = (
    "run-name: Deploy ${{ inputs.mark }}\non:\n  workflow_dispatch:\n    inputs:\n      verbose: {}\n      mark: {}\n"
)


class FakeSlack:
    """A workspace where all is well, until a test takes something away."""

    def __init__(self) -> None:
        self.token_scopes = set(needed_scopes())
        self.channels = {"#ops": True, "#dev": True}
        self.groups: dict[str, list[str]] = {"S0INFRA": ["U0ANA"]}
        self.users = {"U0ANA": False}
        self.refuses: dict[str, str] = {}
        self.disabled: set[str] = set()
        self.validated: list[str] = []
        self.no_blocks: set[str] = set()

    async def scopes(self) -> frozenset[str]:
        return frozenset(self.token_scopes)

    async def query(self, method: str, **arguments: Any) -> dict[str, Any]:
        if method in self.refuses:
            raise ChatError(method, self.refuses[method])
        answer: dict[str, Any] = getattr(self, method.replace(".", "_"))(**arguments)
        return answer

    def auth_test(self) -> dict[str, Any]:
        return {"user": "signalbox", "team": "lineside"}

    def blocks_validate(self, **given: str) -> dict[str, Any]:
        (content,) = given.values()
        self.validated.append(content)
        for kind in self.no_blocks:
            if f'"type": "{kind}"' in content:
                raise ChatError("blocks.validate", f"invalid_{next(iter(given))}")
        return {}

    def conversations_list(self, *, cursor: str, **_: Any) -> dict[str, Any]:
        # A page each, so that a reader of the first page alone fails.
        names = list(self.channels)
        at = int(cursor or 0)
        page = [{"id": f"C{at}", "name": names[at][1:], "is_member": self.channels[names[at]]}] if names else []
        return {"channels": page, "response_metadata": {"next_cursor": str(at + 1) if at + 1 < len(names) else ""}}

    def usergroups_list(self, *, include_disabled: bool) -> dict[str, Any]:
        assert include_disabled
        disabled = {group: 1_785_000_000 * (group in self.disabled) for group in self.groups}
        return {
            "usergroups": [{"id": group, "handle": group.lower(), "date_delete": at} for group, at in disabled.items()]
        }

    def usergroups_users_list(self, *, usergroup: str) -> dict[str, Any]:
        if usergroup in self.refuses:
            raise ChatError("usergroups.users.list", self.refuses[usergroup])
        return {"users": self.groups[usergroup]}

    def users_info(self, *, user: str) -> dict[str, Any]:
        if user not in self.users:
            raise ChatError("users.info", "user_not_found")
        return {"user": {"id": user, "deleted": self.users[user]}}


class FakeGitHub:
    """One repository with workflows, as GitHub's API answers."""

    def __init__(self) -> None:
        self.files = {"deploy-dev.yml": WORKFLOW}
        self.state = "active"
        self.permissions = {"pull": True, "push": True}
        self.archived = False
        self.private = True
        self.scopes: str | None = "repo, workflow"
        self.hidden: set[str] = set()  # pieces of paths that this token may not read
        self.status = 200
        self.branch: dict[str, bool] | None = {"protected": True}  # None: main is a tag
        self.rules: list[str] = []

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.guarded])
        app.router.add_get("/user", self.user)
        for name in ("infrastructure", "application"):
            app.router.add_get(f"/repos/acme/{name}", self.repository)
            for readable in ("actions/runs", "commits", "deployments", "pulls"):
                app.router.add_get(f"/repos/acme/{name}/{readable}", self.anything)
            for readable in ("check-runs", "status"):
                app.router.add_get(f"/repos/acme/{name}/commits/trunk/{readable}", self.anything)
        app.router.add_get("/repos/acme/infrastructure/actions/workflows/{file}", self.workflow)
        app.router.add_get("/repos/acme/infrastructure/contents/.github/workflows/{file}", self.contents)
        app.router.add_get("/repos/acme/infrastructure/branches/main", self.main)
        app.router.add_get("/repos/acme/infrastructure/rules/branches/main", self.rules_of_main)
        return app

    async def main(self, _request: web.Request) -> web.Response:
        return web.json_response(self.branch or {"message": "Branch not found"}, status=200 if self.branch else 404)

    async def rules_of_main(self, _request: web.Request) -> web.Response:
        return web.json_response([{"type": kind} for kind in self.rules])

    async def user(self, _request: web.Request) -> web.Response:
        return web.json_response({"login": "signalbox-bot"}, status=self.status)

    @web.middleware
    async def guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if any(piece in request.path for piece in self.hidden):
            return web.json_response({"message": "Resource not accessible by personal access token"}, status=403)
        answer = await handler(request)
        if self.scopes is not None:
            answer.headers["X-OAuth-Scopes"] = self.scopes
        return answer

    async def anything(self, _request: web.Request) -> web.Response:
        return web.json_response([])

    async def repository(self, _request: web.Request) -> web.Response:
        about = {
            "permissions": self.permissions,
            "archived": self.archived,
            "private": self.private,
            "default_branch": "trunk",
        }
        return web.json_response(about, status=self.status)

    async def workflow(self, request: web.Request) -> web.Response:
        if request.match_info["file"] not in self.files:
            return web.json_response({"message": "Not Found"}, status=404)
        return web.json_response({"state": self.state})

    async def contents(self, request: web.Request) -> web.Response:
        if request.query["ref"] != "main":
            return web.json_response({"message": "Not Found"}, status=404)
        text = self.files[request.match_info["file"]]
        return web.json_response({"content": base64.encodebytes(text.encode()).decode()})


class World:
    """Everything that `check` is given; tests break one thing of it at a time."""

    def __init__(self, github: GitHub, hub: FakeGitHub, tmp_path: Path) -> None:
        self.github, self.hub = github, hub
        self.slack: FakeSlack | None = FakeSlack()
        self.environ = dict(ENVIRON)
        self.config: Config = read(CONFIG)
        self.workplace = tmp_path / "var"
        self.database = f"sqlite:///{tmp_path}/signalbox.sqlite"

    async def lines(self) -> list[str]:
        def make_store() -> Store:
            return Store(self.database)

        result = await check(
            self.config,
            self.environ,
            slack=self.slack,
            github=self.github,
            make_store=make_store,
            workplace=self.workplace,
            file=self.workplace.parent / "signalbox.yaml",
        )
        return lines(result)

    async def faults(self) -> list[str]:
        return [line for line in await self.lines() if line.startswith("FAIL")]


def single(faults: list[str]) -> str:
    assert len(faults) == 1, faults
    return faults[0]
