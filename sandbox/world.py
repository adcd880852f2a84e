"""The whole sandbox: stand-ins for Slack, GitHub, AWS and HCP Terraform on loopback, and the bot among them."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import yaml

from sandbox import wall
from sandbox.aws import REGION, AwsHandle, AwsStandIn
from sandbox.bot_process import PROJECT, BotProcess, Launch, launch, surroundings
from sandbox.github import GitHubStandIn, WebhookSettings, sandbox_repositories
from sandbox.hcp import Fetched, HcpStandIn, HcpToken, NotificationSettings
from sandbox.own.machines import start_machines
from sandbox.ports import held_port
from sandbox.postgres_server import initdb, running_postgres
from sandbox.slack import SlackSettings, SlackStandIn
from sandbox.ssh_server import new_key
from sandbox.terraform_state import write_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.own import Own
    from sandbox.slack import Channel, Person

ENVIRONMENTS = ("dev", "staging", "prod")
PAGE = Path(__file__).parent / "page"
TEMPLATE = Path(__file__).parent / "signalbox.yaml"
# Made up for the sandbox; each is searched for by the test that looks for leaks.
SECRETS = {
    "SIGNALBOX_KEY": "c2FuZGJveC1rZXktb2YtMzItYnl0ZXMtMDEyMzQ1Njc4",
    "SLACK_BOT_TOKEN": "xoxb-100200300-sandbox-bot-token",
    "SLACK_SIGNING_SECRET": "sandbox-signing-secret-0123456789",
    "SLACK_APP_TOKEN": "xapp-1-A0SIGNAL-sandbox-app-token",
    "GITHUB_TOKEN": "ghp_SandboxSandboxSandboxSandbox01",
    "STAGING_DATABASE_URL": "mysql://staging:sandbox-database-word@db.staging.internal/permanent",
}
# Beside them where HCP Terraform plans prod.
HCP_SECRETS = {
    "TFE_TOKEN": "SandboxSandbox.atlasv1.sandbox0sandbox0sandbox0sandbox0sandbox0sandbox0",
    "HCP_NOTIFICATION_TOKEN": "sandbox-notification-token-0123456789",
}
# Beside them where GitHub reports runs.
WEBHOOK_SECRET = {"GITHUB_WEBHOOK_SECRET": "sandbox-webhook-secret-0123456789"}
_PROD_HERE = """      directory: instances/production
      backend_config: {path: "{files}/state/prod/terraform.tfstate"}
"""
_PROD_IN_HCP = """      hcp: {organization: PermanentOrg, workspace: production}
      variables: [backend_ami, ready_when]
"""


@dataclass(frozen=True)
class Options:
    """How a sandbox differs from the usual one.

    `page_port` 0 takes a free port; `speed` is simulated seconds per real one on GitHub; `aws` an AWS that runs
    already, else one is started unless `without_aws`; `config` replaces pieces of the configuration's text. With `hcp`
    prod is planned in HCP Terraform, which sends notifications unless `hcp_silent`. With `webhooks` GitHub reports runs.
    `own` is a repository of the user's in place of the made-up one. `github_port` 0 takes a free port for GitHub's pages.
    `workers` work beside the bot, each with its own workplace as on a machine of its own, where PostgreSQL is there.
    """

    page_port: int = 0
    github_port: int = 0
    speed: float = 6.0
    rate_limits: bool = True
    socket_mode: bool = False
    aws: AwsHandle | None = None
    without_aws: bool = False
    hcp: bool = False
    hcp_silent: bool = False
    webhooks: bool = False
    workers: int = 0
    config: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    own: Own | None = None


_GRANTS = "    isolation: {"
_OPERATIONS = 'operations:\n  directory: "{files}/var"\n'


class World:
    """Use it as `async with World(options) as world`; leaving the block stops everything. `launch` starts the bot."""

    slack: SlackStandIn
    github: GitHubStandIn
    hcp: HcpStandIn  # with the option `hcp`, or where the user's repository is planned there
    bot: BotProcess

    def __init__(self, options: Options | None = None, launch: Launch = launch) -> None:
        self.options = options or Options()
        self._launch = launch
        self.files = Path()
        self.workers: dict[str, BotProcess] = {}  # by the name that `/infra workers` shows
        self._aws_handle: AwsHandle | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def person(self, name: str) -> Person:
        """A member of the workspace to act as: ana, lee, max or gus."""
        return self.slack.person(name)

    def machines_of(self, environment: str) -> Path:
        """What the environment's playbooks and provisioners take for the disks of its machines."""
        return self.files / "machines" / environment

    def state_of(self, environment: str) -> Path:
        """The file of the environment's Terraform state, in a directory of its own."""
        return self.files / "state" / environment / "terraform.tfstate"

    @property
    def aws(self) -> AwsHandle:
        """Where AWS is. Raises RuntimeError in a world without."""
        if self._aws_handle is None:
            raise RuntimeError("this world has no AWS")
        return self._aws_handle

    def channel(self, name: str) -> Channel:
        """A channel, by "#staging"."""
        return self.slack.workspace.channel(name)

    async def _start(self) -> None:
        self.files = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="signalbox-sandbox-")))
        self._disks()
        aws = self._aws_handle = await self._aws()
        port = self._stack.enter_context(held_port())
        self.github = GitHubStandIn(
            token=SECRETS["GITHUB_TOKEN"],
            repositories=self.options.own.repositories() if self.options.own else sandbox_repositories(),
            aws=aws,
            speed=self.options.speed,
            webhook=self._webhook(port),
        )
        await self.github.start(self.options.github_port)
        self._stack.push_async_callback(self.github.stop)
        if self._plans_in_hcp:
            await self._hcp(port)
        await self._slack(port)
        log = self.files / "bot.log"
        config, variables = self._config(), self._environment(aws)
        if self.options.workers and initdb():
            server = self._stack.enter_context(running_postgres())
            variables["DATABASE_URL"] = server.new_database()
        self.bot = BotProcess(config, variables, port, log, self._launch)
        self._stack.push_async_callback(self.bot.stop)
        await self.bot.start()
        if initdb():
            for number in range(1, self.options.workers + 1):
                await self._worker(f"worker-{number}", config, variables)
        if self._plans_in_hcp:
            self.hcp.notify()

    def _disks(self) -> None:
        """Make the directories for states and machines; a repository of one's own begins without resources."""
        if self.options.own:
            (self.files / "home").mkdir()
            for environment in self.options.own.config["environments"]:
                self.machines_of(environment).mkdir(parents=True)
            for name, workspace in self.options.own.states.items():
                self.state_of(name).parent.joinpath("workspaces", workspace).mkdir(parents=True)
            for each in self.options.own.hcp:
                self.state_of(each.state).parent.mkdir(parents=True)
            return
        for environment in ENVIRONMENTS:
            self.machines_of(environment).mkdir(parents=True)
            write_state(self.state_of(environment), environment)

    def workplace_of(self, worker: str) -> Path:
        """Where this worker keeps the files of its operations."""
        return self.files / worker

    async def _worker(self, name: str, config: Path, variables: Mapping[str, str]) -> None:
        own = config.with_name(f"{name}.yaml")
        own.write_text(config.read_text().replace(f'"{self.files}/var"', f'"{self.workplace_of(name)}"'))
        log, variables = self.files / f"{name}.log", {**variables, "SIGNALBOX_EXECUTOR": name}
        worker = self.workers[name] = BotProcess(own, variables, 0, log, self._launch, command="work")
        self._stack.push_async_callback(worker.stop)
        await worker.start()

    def _webhook(self, bot_port: int) -> WebhookSettings | None:
        url = f"http://127.0.0.1:{bot_port}/github/webhooks"
        return WebhookSettings(url, WEBHOOK_SECRET["GITHUB_WEBHOOK_SECRET"]) if self.options.webhooks else None

    async def _aws(self) -> AwsHandle | None:
        handle = self.options.aws
        if not self.options.without_aws and handle is None:
            stand_in = AwsStandIn()
            handle = await stand_in.start()
            self._stack.push_async_callback(stand_in.stop)
        if handle and self.options.own and self.options.own.machines:
            await asyncio.to_thread(start_machines, handle, self.options.own.machines)
        return handle

    @property
    def _plans_in_hcp(self) -> bool:
        return self.options.hcp or bool(self.options.own and self.options.own.hcp)

    async def _hcp(self, bot_port: int) -> None:
        notifications = NotificationSettings(
            f"http://127.0.0.1:{bot_port}/hcp/notifications", HCP_SECRETS["HCP_NOTIFICATION_TOKEN"]
        )
        self.hcp = HcpStandIn(
            tokens={HCP_SECRETS["TFE_TOKEN"]: HcpToken("team", "signalbox")},
            notifications=None if self.options.hcp_silent else notifications,
        )
        for each in self.options.own.hcp if self.options.own else ():
            state = self.state_of(each.state)
            self.hcp.add(each.organization, each.name, working_directory=each.directory, state=state)
        if self.options.hcp:
            state = self.state_of("prod")
            self.hcp.add("PermanentOrg", "production", working_directory="instances/production", state=state)
        await self.hcp.start()
        self._stack.push_async_callback(self.hcp.stop)

    def fetch_main(self) -> Fetched:
        """What HCP Terraform gets when it fetches the repository itself: a workspace can be linked to it."""
        commit = self.github.repository("PermanentOrg/infrastructure").graph.resolve("main")
        return Fetched(commit.sha, commit.message, commit.files)

    async def _slack(self, bot_port: int) -> None:
        over_http = f"http://127.0.0.1:{bot_port}/slack/events"
        settings = SlackSettings(
            bot_token=SECRETS["SLACK_BOT_TOKEN"],
            signing_secret=SECRETS["SLACK_SIGNING_SECRET"],
            app_token=SECRETS["SLACK_APP_TOKEN"] if self.options.socket_mode else None,
            request_url=None if self.options.socket_mode else over_http,
            rate_limits=self.options.rate_limits,
        )
        self.slack = SlackStandIn(settings, static=PAGE)
        self.slack.register_commands(yaml.safe_load((PROJECT / "app.yaml").read_text()))
        for name in sorted(self.options.own.channels if self.options.own else ()):
            self.slack.workspace.open_channel(name)
        self._stack.push_async_callback(self.slack.stop)
        await self.slack.start(self.options.page_port)

    def _config(self) -> Path:
        if self.options.own:
            path = self.files / "signalbox.yaml"
            answers = wall.metadata_service_answers()  # not where a trial has no network
            path.write_text(self.options.own.config_text(self.files, metadata_service=answers))
            return path
        text = TEMPLATE.read_text()
        if self.options.hcp:
            text = text.replace(_PROD_HERE, _PROD_IN_HCP)
        for old, new in self.options.config.items():
            if old not in text:
                raise ValueError(f"the sandbox's configuration has no {old!r} to replace")
            text = text.replace(old, new)
        if wall.missing() and "isolation: none" not in text:
            text = text.replace(_OPERATIONS, f"{_OPERATIONS}  isolation: none\n")
        if wall.metadata_service_answers():  # else the bot refuses to start; the code of the sandbox is its own
            text = text.replace(_GRANTS, f"{_GRANTS}metadata_service: true, ")
        text = text.replace("{files}", str(self.files))
        path = self.files / "signalbox.yaml"
        path.write_text(text)
        return path

    def _environment(self, aws: AwsHandle | None) -> dict[str, str]:
        # Without AWS the address leads nowhere on purpose: nothing may reach the real AWS.
        aws_variables = (aws or AwsHandle("http://127.0.0.1:9", REGION)).environment()
        secrets = dict(SECRETS)
        if not self.options.socket_mode:
            del secrets["SLACK_APP_TOKEN"]
        addresses = {"SLACK_API_URL": f"{self.slack.url}/api/", "GITHUB_API_URL": self.github.url}
        if self.options.webhooks:
            secrets |= WEBHOOK_SECRET
        if self._plans_in_hcp:
            secrets |= HCP_SECRETS
            addresses["TFE_ADDRESS"] = self.hcp.url
        own = dict.fromkeys(self.options.own.secrets, "sandbox") if self.options.own else {}
        own |= {name: new_key()[0] for name in (self.options.own.private_keys if self.options.own else ())}
        home = {"HOME": str(self.files / "home")} if self.options.own else {}
        return {**surroundings(), **home, **own, **aws_variables, **secrets, **addresses, **self.options.environment}
