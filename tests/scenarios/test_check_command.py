"""`python -m bot check` as people run it, with the stand-ins as the other side; and what a faulty file does to `serve`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from bot.seals import new_key
from bot.slack.manifest import read
from sandbox import wall
from sandbox.github import GitHubStandIn, sandbox_repositories
from sandbox.slack import SlackSettings, SlackStandIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.aws import AwsHandle

ROOT = Path(__file__).parents[2]
BOT_TOKEN, GITHUB_TOKEN, SECRET = "xoxb-1-canary", "ghp_canary0123456789canary", "canary-of-a-database"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary-of-a-private-key\n-----END OPENSSH PRIVATE KEY-----"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outside(aws: AwsHandle) -> AsyncIterator[dict[str, str]]:
    """Slack, GitHub and AWS, as the environment that leads the bot to them."""
    async with AsyncExitStack() as ends:
        slack = SlackStandIn(SlackSettings(BOT_TOKEN, "shh", None, "http://127.0.0.1:9/slack/events"))
        slack.register_commands(read())
        github = GitHubStandIn(token=GITHUB_TOKEN, repositories=sandbox_repositories())
        ends.push_async_callback(slack.stop)
        await slack.start()
        ends.push_async_callback(github.stop)
        await github.start()
        yield {
            "PATH": os.environ["PATH"],
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_SIGNING_SECRET": "shh",
            "SIGNALBOX_KEY": new_key(),
            "SLACK_API_URL": f"{slack.url}/api/",
            "GITHUB_TOKEN": GITHUB_TOKEN,
            "GITHUB_API_URL": github.url,
            "STAGING_DATABASE_URL": SECRET,
            "DEPLOYER_PRIVATE_KEY": KEY,
            **aws.environment(),
        }


async def bot(command: str, config: Path, environment: dict[str, str], *more: str) -> tuple[int, str]:
    argv = (sys.executable, "-m", "bot", command, "--config", str(config), *more)
    pipe, to_pipe = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
    process = await asyncio.create_subprocess_exec(*argv, cwd=ROOT, env=environment, stdout=pipe, stderr=to_pipe)
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The example, but for what needs HCP Terraform."""
    text = (ROOT / "signalbox.example.yaml").read_text("utf-8")
    text, count = re.subn(r"hcp: {organization: PermanentOrg, workspace: (\w+)}", r"directory: instances/\1", text)
    assert count == 3
    path = tmp_path / "signalbox.yaml"
    if wall.metadata_service_answers():  # here check would report that children reach it
        text = re.sub(
            r"^    machines: .*$", r"\g<0>\n    isolation: {metadata_service: true}", text, flags=re.MULTILINE
        )
    states = tmp_path / "states"
    for name in ("dev", "staging", "production"):  # the code names the backend, and the configuration the file
        (states / name).mkdir(parents=True)
    written = rf"directory: instances/\1\n      backend_config: {{path: {states}/\1/terraform.tfstate}}"
    text = re.sub(r"directory: instances/(\w+).*", written, text)
    text = re.sub(r"^ +collections: .*\n", "", text, flags=re.MULTILINE)  # no galaxy is here
    path.write_text(text)
    return path


@pytest.mark.needs_bwrap
@pytest.mark.needs_terraform
@pytest.mark.asyncio(loop_scope="module")
async def test_check_says_of_everything_that_it_works(outside: dict[str, str], config: Path) -> None:
    code, rendered = await bot("check", config, outside)
    names = [line.split()[:2] for line in rendered.splitlines()]
    tried = ["slack", "github", "aws", "database", "workers", "isolation", "artifacts", "terraform", "ansible", "ec2"]
    tried += ["machines", "secrets", "code", "code", "code"]
    refs = ["dev", "staging", "prod", "image builds"]
    expected = [*(["ok", name] for name in tried), *[["note", "signalbox"]] * len(refs)]
    assert sorted(names) == sorted(expected), rendered
    for where in refs:
        assert f"{where}: main is not protected on GitHub" in rendered
    assert code == 0
    assert "in #ops, #dev, #staging, #prod, @infra has 3, @leads has 2" in rendered
    assert "deploy-dev.yml, deploy-prod.yml, build-images.yml" in rendered


@pytest.mark.asyncio(loop_scope="module")
async def test_check_says_what_is_wrong_and_shows_no_secret(outside: dict[str, str], config: Path) -> None:
    config.write_text(config.read_text().replace('"#staging"', '"#random"').replace("deploy-dev.yml", "deploy-dve.yml"))
    environment = {**outside, "DATABASE_URL": f"sqlite:////nowhere/{SECRET}/x.sqlite"}
    code, rendered = await bot("check", config, environment)
    assert code == 1
    assert "FAIL  slack      the bot is not in #random. Type /invite" in rendered
    assert "there is no workflow deploy-dve.yml in PermanentOrg/infrastructure" in rendered
    assert "FAIL  database   cannot be written to: there is no directory /nowhere/" in rendered
    assert "Traceback" not in rendered
    assert "canary" not in rendered


@pytest.mark.parametrize("command", ["serve", "check", "work"])
async def test_a_faulty_file_is_exit_code_2_and_every_fault_a_line(command: str, tmp_path: Path) -> None:
    path = tmp_path / "signalbox.yaml"
    text = (ROOT / "signalbox.example.yaml").read_text("utf-8")
    path.write_text(text.replace("expires_after: 30m", "expires_after: 1 hour").replace("us-west-2", "moon"))
    code, rendered = await bot(command, path, {"PATH": os.defpath})
    assert code == 2
    region, expiry = rendered.splitlines()
    assert region.startswith(f"{path}:8: aws.region: ")
    assert expiry.endswith('"1 hour" is not a duration; write for example 30s, 45m, 2h or 90d')


@pytest.mark.parametrize("form", [(), ("--json",)])
async def test_offline_it_needs_nothing_but_the_file(form: tuple[str, ...], config: Path) -> None:
    code, rendered = await bot("check", config, {"PATH": os.defpath}, "--offline", *form)
    assert code == 0
    first, *notes = rendered.splitlines()
    if form:
        about = json.loads(first)
        assert (about["status"], about["name"]) == ("ok", "config")
        assert {json.loads(note)["status"] for note in notes} <= {"note"}
        return
    assert first == f"ok    config     {config} is valid: dev, staging, prod"
    assert all(note.startswith("note ") for note in notes)
    config.write_text(config.read_text().replace("expires_after: 30m", "expires_after: 1 hour"))
    code, rendered = await bot("check", config, {"PATH": os.defpath}, "--offline")
    assert code == 2
    assert '"1 hour" is not a duration' in rendered


@pytest.mark.needs_bwrap
@pytest.mark.needs_terraform
@pytest.mark.slow("starts ansible-playbook and terraform behind the wall")
@pytest.mark.asyncio(loop_scope="module")
async def test_what_the_code_does_not_have_is_one_line_with_the_nearest(
    outside: dict[str, str], config: Path, tmp_path: Path
) -> None:
    wrong = {
        "directory: instances/dev\n": "directory: instances/dve\n",
        "directory: instances/staging\n": "directory: instances/staging\n      var_files: [instances/staging/prod.tfvars]\n",
        "deploy-{machine}.yml": "deply-{machine}.yml",
        "workflow: deploy-prod.yml, ref: main": "workflow: deploy-pord.yml, ref: main",
        'instance_tag: "{environment} {machine}"': 'instance_tag: "{environment} x-{machine}"',
        "watch:\n": "operations:\n  rotate: {playbook: deploy-crn.yml, environment: staging}\nwatch:\n",
    }
    text = config.read_text()
    for old, new in wrong.items():
        assert old in text
        text = text.replace(old, new)
    config.write_text(text)
    before = sorted(tmp_path.rglob("*"))
    code, rendered = await bot("check", config, outside)
    assert code == 1
    failed = [line for line in rendered.splitlines() if line.startswith("FAIL")]
    for words in (
        "environments.dev.terraform.directory: instances/dve has no .tf files at main",
        "There is instances/dev, ",
        "environments.staging.terraform.var_files: instances/staging/prod.tfvars does not exist at main",
        "environments.staging.deploy.ansible.playbook: there is no provisioners/deply-backend.yml, provisioners/deply-cron.yml",
        "There is deploy-backend.yml, ",
        "There is deploy-prod.yml, ",
        "operations.rotate.playbook: there is no provisioners/deploy-crn.yml at main",
        "Running instances have 'staging backend'",
    ):
        assert sum(words in line for line in failed) == 1, f"{words}\n{rendered}"
    assert sorted(tmp_path.rglob("*")) == before, "check leaves no file behind"
