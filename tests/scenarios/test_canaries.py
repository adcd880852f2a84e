"""Secrets are planted everywhere the bot meets them, work goes well and badly, and then everything is searched."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sandbox.github.seed import INFRASTRUCTURE
from sandbox.terraform_state import database_password, session_key
from sandbox.world import SECRETS, Options
from tests.scenarios import searching, staged
from tests.scenarios.conftest import messages_of, running
from tests.scenarios.searching import Watch, secrets_in
from tests.scenarios.staged import asked, shows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.aws import AwsHandle
    from sandbox.world import World

# The first test waits for everything to happen.
pytestmark = pytest.mark.slow("its world goes through all that can leak a secret")

PASSWORD = 'pa"ss\\word `of` $HOME & <more> (.*)[x]{2}'
PLANTED = {
    "STAGING_DATABASE_URL": "mysql://staging:w0rd.*(a|b)[c]+$&<d>@db.staging.internal/permanent?ssl=true&x=1",
    "LICENCE": "LICENCE OF THE SANDBOX\n  line-two-of-the-licence (.*)\nend",
    "DEPLOYER_KEY": Ed25519PrivateKey.generate()
    .private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    .decode(),
    "DATABASE_PASSWORD": PASSWORD,
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00",
}
CANARIES = {
    **{name: value for name, value in SECRETS.items() if name not in PLANTED},
    **PLANTED,
    "the password before": database_password("staging"),
    "the session key before": session_key("staging", 3),
}
CONFIG = {
    "secret_vars: {database_url: STAGING_DATABASE_URL}": "secret_vars: {database_url: STAGING_DATABASE_URL, "
    "licence: LICENCE}\n        private_key_env: DEPLOYER_KEY",
    "variables: [backend_ami, ready_when]": "variables: [backend_ami, ready_when]\n      "
    "secret_environment: {TF_VAR_database_password: DATABASE_PASSWORD}",
}
# What would notify, mention or mislead if it reached Slack as it is.
HOSTILE = "<!channel> <!here> <@U0GUS> <http://evil.example|click> `x` ``` *b*"
LEAKING = r"""
resource "terraform_data" "hostile" {
  for_each = toset(["<!channel> <@U0GUS>", "<http://evil.example|click> ```"])
  input    = "${each.key} `x`"
}

resource "terraform_data" "from_its_environment" {
  depends_on = [terraform_data.session_key]

  provisioner "local-exec" {
    command = "echo \"$TF_VAR_database_password\"; printf 'root:%s@db' \"$TF_VAR_database_password\" | base64 -w0; printf '%s' '<!channel> ``` <http://evil.example|click>'; exit 3"
  }
}

resource "terraform_data" "no_longer_sensitive" {
  provisioner "local-exec" {
    command     = "echo $P; echo $Q; exit 4"
    environment = {
      P = nonsensitive(var.database_password)
      Q = nonsensitive("${base64encode("a:${var.database_password}")} ${urlencode(var.database_password)}")
    }
  }
}
"""
PRINTS = """    - name: Print what it was given <!channel>
      ansible.builtin.shell: |
        echo {{ database_url | quote }}
        echo {{ licence | quote }} >&2
        echo {{ ('user:' + database_url) | b64encode }} {{ database_url | urlencode }} >&2
        printf %s {{ database_url | quote }} | od -An -v -tx1 | tr -d ' \\n' >&2
        echo 'ghp_0123456789abcdefABCDEF0123456789abcd <!channel> ``` <http://evil.example|click>' >&2
        exit 1

"""
TOKEN_IN_LOG = "ghp_0123456789abcdefABCDEF0123456789abcd"


@dataclass(frozen=True)
class Aftermath:
    world: World
    children: Watch


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def aftermath(aws: AwsHandle) -> AsyncIterator[Aftermath]:
    """Everything happened once; each test checks another place."""
    options = Options(aws=aws, environment=PLANTED, config=CONFIG, speed=60.0)
    async with running(options) as world, searching.watching_children(world) as children:
        await somebody_types_secrets(world)
        await all_goes_well(world)
        await an_apply_fails(world)
        await a_playbook_fails(world)
        await a_workflow_fails(world)
        yield Aftermath(world, children)


async def somebody_types_secrets(world: World) -> None:
    ana = world.person("ana")
    for text in (
        f"/deploy staging {SECRETS['GITHUB_TOKEN']}",
        f"/deploy {SECRETS['SLACK_BOT_TOKEN']}",
        f"/plan staging backend_ami={TOKEN_IN_LOG}",
        f"/plan staging {PASSWORD}",
        f"/infra {SECRETS['SLACK_SIGNING_SECRET']}",
    ):
        await ana.type("#staging", text)
        assert "token or another secret" in ana.ephemerals[-1].rendered, text
    await ana.type("#staging", "/deploy")
    view = await ana.wait_for_view()
    answer = await ana.submit(view, {"environment": "staging", "ref": SECRETS["GITHUB_TOKEN"]})
    assert "token or another secret" in str(answer.errors)
    await ana.close(view)
    assert not world.channel("#staging").messages


async def all_goes_well(world: World) -> None:
    message = await asked(world, "/plan staging", "#staging", "#1 ", "Waiting for approval")
    await world.person("lee").click(message, "approve")
    await shows(world, "#staging", "#1 ", "applied, ")
    message = await asked(world, "/deploy staging", "#staging", "#2 ", "Waiting for approval")
    await world.person("lee").click(message, "approve")
    await shows(world, "#staging", "#2 ", "to 4 hosts")


async def an_apply_fails(world: World) -> None:
    repository = world.github.repository(INFRASTRUCTURE)
    text = repository.graph.resolve("main").files[staged.MAIN].decode()
    subject = f"{HOSTILE} {'x' * 20} {SECRETS['GITHUB_TOKEN']}"
    repository.commit("main", {staged.MAIN: text + LEAKING}, subject)
    message = await asked(world, "/plan staging", "#staging", "#3 ", "Waiting for approval")
    await world.person("lee").click(message, "approve")
    await shows(world, "#staging", "#3 ", "apply failed", "Output: (sensitive)")


async def a_playbook_fails(world: World) -> None:
    staged.change(world, "provisioners/deploy-backend.yml", "  tasks:\n", f"  tasks:\n{PRINTS}")
    message = await asked(world, "/deploy staging", "#staging", "#4 ", "Waiting for approval")
    await world.person("lee").click(message, "approve")
    await shows(world, "#staging", "#4 ", "failed on")
    await shows(world, "#staging", "Print what it was given", searching.HIDDEN)


async def a_workflow_fails(world: World) -> None:
    # Over HTTP the bot does not have the token of Socket Mode: it knows its shape only, which an encoded one has not.
    held = [value for name, value in SECRETS.items() if name != "SLACK_APP_TOKEN"]
    encoded = [form for value in held for form in (basic(value), quote(value, safe=""), value.encode().hex())]
    log = (f"the token is {TOKEN_IN_LOG}", *SECRETS.values(), *encoded, HOSTILE)
    world.github.repository(INFRASTRUCTURE).fail_next("deploy-dev.yml", job="deploy (cron)", log=log)
    await asked(world, "/deploy dev", "#dev", "#5 ", ":x:")
    await shows(world, "#dev", "the token is", searching.HIDDEN)


def basic(password: str) -> str:
    """As HTTP's basic authentication sends it."""
    return f"Authorization: Basic {base64.b64encode(f'bot:{password}'.encode()).decode()}"


SHAPED = {**CANARIES, "the token in a log": TOKEN_IN_LOG}


async def test_slack_was_told_no_secret(aftermath: Aftermath) -> None:
    report = [(where, secrets_in(text, SHAPED)) for where, text in searching.said_to_slack(aftermath.world)]
    assert len(report) > 50
    assert [item for item in report if item[1]] == []


async def test_the_log_has_no_secret(aftermath: Aftermath) -> None:
    log = aftermath.world.bot.log.read_text()
    assert "operation 3" in log or "ready" in log
    assert secrets_in(log, SHAPED) == []


async def test_the_database_keeps_no_secret(aftermath: Aftermath) -> None:
    stored = [(table, secrets_in(value, SHAPED)) for table, value in searching.stored_in_database(aftermath.world)]
    assert len(stored) > 200
    assert [item for item in stored if item[1]] == []
    logs = [value for _, value in searching.stored_in_database(aftermath.world) if b"the token is" in value]
    assert logs
    assert all(searching.HIDDEN.encode() in value for value in logs)


async def test_no_file_keeps_a_secret(aftermath: Aftermath) -> None:
    """Terraform's state and the servers' own configuration are where the secrets belong."""
    remaining = dict(searching.files_of(aftermath.world, but=("state", "machines/staging/servers")))
    assert any(name.endswith("signalbox.sqlite") for name in remaining)
    assert {name: secrets for name, content in remaining.items() if (secrets := secrets_in(content, SHAPED))} == {}
    places = [aftermath.world.files / name for name in ("state", "machines/staging/servers")]
    belong = {path: secrets_in(path.read_bytes(), SHAPED) for at in places for path in at.rglob("*") if path.is_file()}
    assert {"STAGING_DATABASE_URL", "DATABASE_PASSWORD"} <= {name for names in belong.values() for name in names}


async def test_no_operation_leaves_its_files(aftermath: Aftermath) -> None:
    assert list((aftermath.world.files / "var" / "operations").iterdir()) == []


def is_meant(program: str, name: str, *secrets: str) -> bool:
    """Whether the configuration or the code above hands this process these secrets; it is short, and seldom seen.

    The configuration gives the password to terraform, and what terraform starts inherits it; a provisioner has it as P and Q.
    The shell of the playbook's task that prints has what it prints in its script.
    """
    if name in {"TF_VAR_database_password", "P", "Q"}:
        return secrets == ("DATABASE_PASSWORD",)
    prints = program.startswith("/bin/sh -c ") and "| od -An -v -tx1 |" in program
    return prints and name.startswith("echo ") and set(secrets) <= {"STAGING_DATABASE_URL", "LICENCE"}


async def test_children_get_no_secret_but_those_meant_for_them(aftermath: Aftermath) -> None:
    observed = aftermath.children.seen
    for program in ("terraform plan", "terraform apply", "ansible-playbook", "ansible_runner"):
        assert any(program.split()[-1] in item and program.split()[0] in item for item, _ in observed), program
    leaks = {
        (program, text.partition("=")[0], *secrets_in(text, CANARIES))
        for program, text in observed
        if secrets_in(text, CANARIES)
    }
    meant = {leak for leak in leaks if is_meant(*leak)}
    assert leaks - meant == set()
    assert not any("ansible" in program for program, *_ in meant)


async def test_pages_show_no_secret(aftermath: Aftermath) -> None:
    async with ClientSession(f"http://127.0.0.1:{aftermath.world.bot.port}") as session:
        for path in ("/", "/healthz", "/readyz", "/metrics", "/slack/events"):
            async with session.get(path) as response:
                assert secrets_in(await response.text(), SHAPED) == []


async def test_foreign_text_mentions_nobody_and_forges_no_link(aftermath: Aftermath) -> None:
    hostile = 0
    for message in messages_of(aftermath.world):
        for text in (message.text, *searching.mrkdwn_in(message.blocks)):
            hostile += "evil.example" in text
            assert not any(bad in text for bad in ("<!channel", "<!here", "<@U0GUS", "<http://evil")), text
            assert text.count("```") % 2 == 0, text
    assert hostile >= 4
    assert not aftermath.world.slack.workspace.broadcasts


async def test_the_trail_names_no_secret(aftermath: Aftermath) -> None:
    await aftermath.world.person("ana").type("#ops", "/infra audit 30")
    page = aftermath.world.person("ana").ephemerals[-1]
    assert "plan" in page.rendered
    assert secrets_in(json.dumps(page.blocks), SHAPED) == []
    for text in ("history", *(f"show {number}" for number in range(1, 6))):
        await aftermath.world.person("ana").type("#ops", f"/infra {text}")
        assert secrets_in(json.dumps(aftermath.world.person("ana").ephemerals[-1].blocks), SHAPED) == []
