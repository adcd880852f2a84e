"""`check` says of every connection whether it works, and of each that does not what to do about it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer
from moto import mock_aws

from bot.check import check, lines
from bot.check.github import dispatch_inputs
from bot.check.permissions import check_permissions, needs
from bot.check.result import Findings
from bot.config import Config, read
from bot.slack.client import ChatError
from bot.slack.manifest import needed_scopes
from bot.store.database import Store
from runners import terraform
from runners.aws.client import Clients, make_clients
from runners.errors import ProgramMissingError
from runners.github import GitHub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from aiohttp.typedefs import Handler

CONFIG = """\
slack: {channel: "#ops"}
github: {repository: acme/infrastructure}
aws: {region: us-west-2}
access: {operators: ["usergroup:S0INFRA", U0ANA], approvers: [U0ANA]}
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
ENVIRON = {"SLACK_SIGNING_SECRET": "shh", "PATH": "/usr/bin:/bin"}
WORKFLOW = "on:\n  workflow_dispatch:\n    inputs:\n      verbose: {}\n      mark: {}\n"


class FakeSlack:
    """A workspace where all is well, until a test takes something away."""

    def __init__(self) -> None:
        self.token_scopes = set(needed_scopes())
        self.channels = {"#ops": True, "#dev": True}
        self.groups: dict[str, list[str]] = {"S0INFRA": ["U0ANA"]}
        self.users = {"U0ANA": False}
        self.refuses: dict[str, str] = {}

    async def scopes(self) -> frozenset[str]:
        return frozenset(self.token_scopes)

    async def query(self, method: str, **arguments: Any) -> dict[str, Any]:
        if method in self.refuses:
            raise ChatError(method, self.refuses[method])
        answer: dict[str, Any] = getattr(self, method.replace(".", "_"))(**arguments)
        return answer

    def auth_test(self) -> dict[str, Any]:
        return {"user": "signalbox", "team": "lineside"}

    def conversations_list(self, *, cursor: str, **_: Any) -> dict[str, Any]:
        # A page each, so that whoever reads the first one only is found out.
        names = list(self.channels)
        at = int(cursor or 0)
        page = [{"id": f"C{at}", "name": names[at][1:], "is_member": self.channels[names[at]]}] if names else []
        return {"channels": page, "response_metadata": {"next_cursor": str(at + 1) if at + 1 < len(names) else ""}}

    def usergroups_list(self) -> dict[str, Any]:
        return {"usergroups": [{"id": group, "handle": group.lower()} for group in self.groups]}

    def usergroups_users_list(self, *, usergroup: str) -> dict[str, Any]:
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
        return app

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
        self.database = f"sqlite:///{tmp_path}/signalbox.sqlite"

    async def lines(self) -> list[str]:
        def make_store() -> Store:
            return Store(self.database)

        found = await check(self.config, self.environ, slack=self.slack, github=self.github, make_store=make_store)
        return lines(found)

    async def faults(self) -> list[str]:
        return [line for line in await self.lines() if line.startswith("FAIL")]


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    """Made once: reading what boto3 knows of EC2 takes longer than all the rest."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
            patch.delenv(name, raising=False)
        with mock_aws():
            yield make_clients("us-west-2")


@pytest.fixture
async def world(clients: Clients, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[World]:
    def made(region: str, profile: str | None) -> Clients:
        return make_clients(region, profile) if profile else clients

    monkeypatch.setattr("bot.check.aws.make_clients", made)
    hub = FakeGitHub()
    async with TestServer(hub.app()) as server:
        github = GitHub(str(server.make_url("")), token="ghp_made_up", read_pause=0.0)
        yield World(github, hub, tmp_path)
        await github.close()


def one(faults: list[str]) -> str:
    assert len(faults) == 1, faults
    return faults[0]


async def test_where_all_is_well_each_connection_is_one_line(world: World) -> None:
    said = await world.lines()
    assert [line.split()[:2] for line in said] == [["ok", "slack"], ["ok", "github"], ["ok", "aws"], ["ok", "database"]]
    assert "@signalbox in lineside by HTTP, in #ops, #dev, @s0infra has 1" in said[0]
    assert "acme/infrastructure as signalbox-bot, deploy-dev.yml" in said[1]
    assert "us-west-2" in said[2]
    assert "sqlite" in said[3]


async def test_without_a_token_slack_says_where_to_get_one(world: World) -> None:
    world.slack = None
    assert one(await world.faults()).startswith(
        "FAIL  slack      SLACK_BOT_TOKEN is not set. Set SLACK_BOT_TOKEN to the bot token"
    )


async def test_without_a_way_in_slack_names_both(world: World) -> None:
    del world.environ["SLACK_SIGNING_SECRET"]
    assert "neither SLACK_SIGNING_SECRET nor SLACK_APP_TOKEN is set" in one(await world.faults())
    world.environ["SLACK_APP_TOKEN"] = "xapp-made-up"
    assert "by Socket Mode" in (await world.lines())[0]


async def test_each_thing_that_is_wrong_in_slack_is_a_line(world: World) -> None:
    assert world.slack
    world.slack.token_scopes -= {"files:write", "commands"}
    world.slack.channels = {"#dev": False}
    world.slack.groups = {"S0INFRA": []}
    world.slack.users = {"U0ANA": True}
    scopes, ops, dev, group, user = await world.faults()
    assert "the token lacks commands, files:write. Add them" in scopes
    assert "the bot can see no channel #ops. Create the channel" in ops
    assert "the bot is not in #dev. Type /invite" in dev
    assert "user group S0INFRA has no members" in group
    assert "user U0ANA is deactivated" in user


async def test_groups_and_people_that_are_not_there_are_named(world: World) -> None:
    assert world.slack
    world.slack.groups, world.slack.users = {}, {}
    group, user = await world.faults()
    assert "user group S0INFRA does not exist" in group
    assert "user U0ANA does not exist" in user


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("invalid_auth", "SLACK_BOT_TOKEN"),
        ("missing_scope", "reinstall it"),
        ("no_answer (ClientConnectorError)", "Check the network"),
    ],
)
async def test_what_slack_refuses_comes_with_a_remedy(world: World, code: str, remedy: str) -> None:
    assert world.slack
    world.slack.refuses["auth.test"] = code
    fault = one(await world.faults())
    assert code in fault
    assert remedy in fault


async def test_a_workflow_that_is_not_there_is_named(world: World) -> None:
    world.hub.files = {}
    assert "there is no workflow deploy-dev.yml in acme/infrastructure" in one(await world.faults())


async def test_a_workflow_that_is_disabled_is_named(world: World) -> None:
    world.hub.state = "disabled_manually"
    assert "deploy-dev.yml is disabled_manually. Enable it" in one(await world.faults())


async def test_a_workflow_must_have_workflow_dispatch(world: World) -> None:
    world.hub.files = {"deploy-dev.yml": "on: push\n"}
    assert "cannot be started by the bot. Add `workflow_dispatch:`" in one(await world.faults())


async def test_a_workflow_must_have_the_inputs_that_it_is_given(world: World) -> None:
    world.hub.files = {"deploy-dev.yml": "on: {workflow_dispatch: {inputs: {mark: {}}}}\n"}
    assert "deploy-dev.yml has no input verbose" in one(await world.faults())


async def test_a_workflow_must_be_on_the_ref(world: World) -> None:
    world.config = read(CONFIG.replace("deploy-dev.yml,", "deploy-dev.yml, ref: release,"))
    assert "there is no deploy-dev.yml on release. Check `ref`" in one(await world.faults())


async def test_a_token_of_a_person_who_only_reads_cannot_deploy(world: World) -> None:
    world.hub.permissions = {"pull": True, "push": False}
    assert "the token's account can read acme/infrastructure but not write to it" in one(await world.faults())


async def test_an_archived_repository_is_said(world: World) -> None:
    world.hub.archived = True
    assert "acme/infrastructure is archived" in one(await world.faults())


@pytest.mark.parametrize(
    ("scopes", "private", "words"),
    [
        ("repo", True, ""),
        ("public_repo, read:org", False, ""),
        ("public_repo", True, "lacks the scope repo for acme/infrastructure (it has public_repo). Create a token"),
        ("", False, "lacks the scope repo for acme/infrastructure (it has none)"),
    ],
)
async def test_a_classic_token_needs_its_scope(world: World, scopes: str, private: bool, words: str) -> None:
    world.hub.scopes, world.hub.private = scopes, private
    faults = await world.faults()
    assert words in one(faults) if words else not faults


@pytest.mark.parametrize(
    ("path", "permission"),
    [
        ("/actions/runs", "Actions: read and write on acme/infrastructure, needed to start, rerun"),
        ("/deployments", "Deployments: read and write on acme/infrastructure, needed to record deploys"),
        ("/check-runs", "Checks: read on acme/infrastructure, needed to read its checks"),
        ("/status", "Commit statuses: read on acme/infrastructure"),
    ],
)
async def test_of_a_fine_grained_token_reading_is_tried(world: World, path: str, permission: str) -> None:
    world.hub.scopes = None
    assert "write permissions of this kind of token cannot be checked" in (await world.lines())[1]
    world.hub.hidden = {path}
    fault = one(await world.faults())
    assert f"the token lacks the permission {permission}" in fault
    assert "Create a token that has it" in fault


async def test_promoting_needs_more_in_its_repositories(world: World) -> None:
    promote = "    promote: {from: dev, to: staging, repositories: [acme/application]}\n"
    world.config = read(CONFIG + promote)
    world.hub.scopes, world.hub.hidden = None, {"/repos/acme/application/pulls", "/repos/acme/application/commits"}
    faults = await world.faults()
    assert len(faults) == 4
    assert "Contents: read and write on acme/application, needed to merge into staging" in faults[0]
    assert "Pull requests: read and write on acme/application" in faults[1]
    world.hub.hidden = {"/repos/acme/application"}
    assert "forbids" in one(await world.faults())


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({"actions": "write", "contents": "read", "metadata": "read"}, ["Checks", "Commit statuses", "Deployments"]),
        (
            {"actions": "read", "contents": "read", "metadata": "read"},
            ["Actions", "Checks", "Commit statuses", "Deployments"],
        ),
        (
            dict.fromkeys(["actions", "contents", "metadata", "checks", "statuses", "deployments"], "write"),
            [],
        ),
    ],
)
async def test_of_an_app_every_permission_is_known(
    world: World, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], lacking: list[str]
) -> None:
    async def permissions(_repository: str) -> dict[str, str]:
        return given

    monkeypatch.setattr(world.github, "permissions", permissions)
    world.hub.scopes, world.hub.permissions = None, {}
    found = Findings("github")
    await check_permissions(world.config, world.github, found)
    said = [what.removeprefix("the App lacks the permission ").partition(":")[0] for what, _ in found.problems]
    assert sorted(said) == lacking
    assert all("accept the change" in remedy for _, remedy in found.problems)


async def test_whether_webhooks_are_set_up_is_told(world: World) -> None:
    assert "runs are polled (GITHUB_WEBHOOK_SECRET is not set)" in (await world.lines())[1]
    world.environ["GITHUB_WEBHOOK_SECRET"] = "shh"
    assert "polled" not in (await world.lines())[1]


def test_what_is_not_configured_needs_no_permission() -> None:
    bare = CONFIG.replace("mark_input: mark}", "mark_input: mark, required_checks: false, record: false}")
    found = {(need.permission, need.access) for need in needs(read(bare))}
    assert found == {("metadata", "read"), ("contents", "read"), ("actions", "write")}
    by_ansible = CONFIG.partition("  dev:")[0] + WITH_ANSIBLE
    assert {(need.permission, need.access) for need in needs(read(by_ansible))} == {
        ("metadata", "read"),
        ("contents", "read"),
    }
    same = CONFIG + "    promote: {from: dev, to: staging, repositories: [acme/infrastructure]}\n"
    assert {(need.permission, need.access) for need in needs(read(same))} == {
        ("metadata", "read"),
        ("contents", "write"),
        ("actions", "write"),
        ("checks", "read"),
        ("statuses", "read"),
        ("deployments", "write"),
        ("pull_requests", "write"),
    }


async def test_a_token_that_github_refuses_says_what_to_set(world: World) -> None:
    world.hub.status = 401
    fault = one(await world.faults())
    assert fault.startswith("FAIL  github")
    assert "does not accept our credentials" in fault
    assert "Check that the token" in fault


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("on: workflow_dispatch", frozenset()),
        ("on: [push, workflow_dispatch]", frozenset()),
        ("on: {workflow_dispatch: }", frozenset()),
        ("on: {workflow_dispatch: {inputs: {a: {}}}}", frozenset({"a"})),
        ("on: push", None),
        ("on: [", None),
        ("[]", None),
    ],
)
def test_workflow_dispatch_is_read_in_each_of_its_forms(text: str, inputs: frozenset[str] | None) -> None:
    assert dispatch_inputs(base64.b64encode(text.encode()).decode()) == inputs


async def test_a_profile_of_aws_that_is_not_there_is_said(world: World) -> None:
    world.config = read(CONFIG.replace("region: us-west-2", "region: us-west-2, profile: nobody-has-this"))
    fault = one(await world.faults())
    assert fault.startswith("FAIL  aws")
    assert "aws.profile" in fault


async def test_a_database_that_cannot_be_written_to_is_said(world: World, tmp_path: Path) -> None:
    world.database = f"sqlite:///{tmp_path}/no/such/directory/x.sqlite"
    fault = one(await world.faults())
    assert fault.startswith("FAIL  database   cannot be written to")
    assert "DATABASE_URL" in fault


async def test_a_database_address_that_is_none_is_said(world: World) -> None:
    world.database = "carrier-pigeon"
    assert "DATABASE_URL cannot be used" in one(await world.faults())


async def test_what_check_writes_it_takes_out_again(world: World) -> None:
    await world.lines()
    store = Store(world.database)
    tables = await store.run(lambda connection: sa.inspect(connection).get_table_names())
    store.close()
    assert tables == []


async def test_programs_and_secrets_are_looked_at_where_they_are_needed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def found(_configured: str | None, _path: str) -> terraform.Program:
        return terraform.Program(path="/opt/terraform", name="terraform", version="1.11.4")

    monkeypatch.setattr(terraform, "find_program", found)
    world.config = read(CONFIG + WITH_ANSIBLE)
    world.environ |= {"DEPLOY_KEY": "/home/me/.ssh/id", "PATH": ""}
    said = await world.lines()
    assert "ok    terraform  terraform 1.11.4, /opt/terraform" in said
    assert any(line.startswith("ok    ansible    ansible-playbook [core 2.") for line in said)
    unset, no_key = (line for line in said if line.startswith("FAIL  secrets "))
    assert "DB_PASSWORD is not set. Set it in the bot's environment" in unset
    assert "DEPLOY_KEY is not a private key. Set it to the text of the key" in no_key
    assert not any("/home/me" in line for line in said)


async def test_a_missing_terraform_comes_with_its_remedy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def missing(_configured: str | None, _path: str) -> terraform.Program:
        raise ProgramMissingError("looking for terraform", "there is none", remedy="Install it.")

    monkeypatch.setattr(terraform, "find_program", missing)
    world.config = read(CONFIG + WITH_ANSIBLE)
    world.environ |= {"DEPLOY_KEY": "-----BEGIN PRIVATE KEY-----", "DB_PASSWORD": "x"}
    assert one(await world.faults()) == "FAIL  terraform  looking for terraform: there is none. Install it."


async def test_settings_that_are_not_acted_on_are_named_in_one_line(world: World) -> None:
    world.config = read(CONFIG + WITH_ANSIBLE + "watch: {drift: {every: 1d}, keys: {older_than: 90d}}\n")
    notes = [line for line in await world.lines() if line.startswith("note")]
    assert len(notes) == 1
    assert notes[0].endswith("have no effect in this version: watch.keys")
    assert "windows" not in notes[0]


HCP = "    terraform: {hcp: {organization: acme, workspace: prod}}\n"


@pytest.mark.parametrize(
    ("status", "words"), [(401, "does not accept TFE_TOKEN"), (404, "no workspace acme/prod"), (503, "503")]
)
async def test_hcp_says_what_is_wrong(world: World, status: int, words: str) -> None:
    async def workspace(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer made-up"
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/api/v2/organizations/acme/workspaces/prod", workspace)
    world.config = read(CONFIG + HCP)
    async with TestServer(app) as server:
        world.environ |= {"TFE_TOKEN": "made-up", "TFE_ADDRESS": str(server.make_url(""))}
        assert words in one(await world.faults())


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"auto-apply": True, "permissions": {"can-queue-run": True}}, "applies every plan by itself"),
        ({"auto-apply": False, "permissions": {"can-queue-run": False}}, "may not start runs"),
        ({"auto-apply": False, "locked": True}, ""),
        ({"auto-apply": False}, ""),
    ],
)
async def test_hcp_says_which_workspace_cannot_be_used(world: World, attributes: dict[str, object], words: str) -> None:
    async def workspace(_: web.Request) -> web.Response:
        return web.json_response(
            {"data": {"id": "ws-1", "type": "workspaces", "attributes": {"name": "prod", **attributes}}}
        )

    app = web.Application()
    app.router.add_get("/api/v2/organizations/acme/workspaces/prod", workspace)
    world.config = read(CONFIG + HCP)
    async with TestServer(app) as server:
        world.environ |= {"TFE_TOKEN": "made-up", "TFE_ADDRESS": str(server.make_url(""))}
        faults = await world.faults()
    assert words in one(faults) if words else not faults


async def test_settings_that_hcp_terraform_has_itself_are_named(world: World) -> None:
    extra = "    terraform: {hcp: {organization: acme, workspace: prod}, var_files: [a.tfvars], variables: [b]}\n"
    world.config = read(CONFIG + extra + "watch: {drift: {every: 1d}}\n")
    notes = [line for line in await world.lines() if line.startswith("note")]
    assert "dev.terraform.var_files, watch.drift for dev" in one(notes)


async def test_hcp_without_a_token_says_so(world: World) -> None:
    world.config = read(CONFIG + HCP)
    assert "TFE_TOKEN is not set" in one(await world.faults())


async def test_a_surprise_in_one_check_hides_no_other(world: World, caplog: pytest.LogCaptureFixture) -> None:
    assert world.slack
    world.slack.channels = {}
    world.slack.auth_test = lambda: 1 / 0  # type: ignore[assignment,method-assign,return-value]
    said = await world.lines()
    assert said[0].startswith("FAIL  slack      could not be checked (ZeroDivisionError)")
    assert [line.split()[0] for line in said[1:]] == ["ok", "ok", "ok"]
    assert "checking slack" in caplog.text
