"""The time of `python -m bot check` for six environments: everything that they connect to, and the code that they run."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from bot.seals import new_key
from bot.slack.manifest import read
from sandbox import wall
from sandbox.aws import AwsStandIn
from sandbox.github import GitHubStandIn, sandbox_repositories
from sandbox.slack import SlackSettings, SlackStandIn
from tests.bench.figures import Figure, of_runs

TARGET = 15.0
ROOT = Path(__file__).parents[2]
_TOKEN = "xoxb-1-bench"
_GITHUB = "ghp_bench0123456789bench01"


async def measure(*, quick: bool) -> list[Figure]:
    """Check six environments with playbooks and Terraform, from the start of the process to its end."""
    async with AsyncExitStack() as ends:
        environ = await _outside(ends)
        directory = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        (directory / "signalbox.yaml").write_text(_configuration(directory))
        seconds = [await _check(directory / "signalbox.yaml", environ) for _ in range(1 if quick else 3)]
    return [of_runs("check of six environments", seconds, TARGET)]


async def _outside(ends: AsyncExitStack) -> dict[str, str]:
    slack = SlackStandIn(SlackSettings(_TOKEN, "shh", None, "http://127.0.0.1:9/slack/events"))
    slack.register_commands(read())
    github, aws = GitHubStandIn(token=_GITHUB, repositories=sandbox_repositories()), AwsStandIn()
    for each in (slack, github, aws):
        ends.push_async_callback(each.stop)
        await each.start()
    return {
        "PATH": os.environ["PATH"],
        "SLACK_BOT_TOKEN": _TOKEN,
        "SLACK_SIGNING_SECRET": "shh",
        "SIGNALBOX_KEY": new_key(),
        "SLACK_API_URL": f"{slack.url}/api/",
        "GITHUB_TOKEN": _GITHUB,
        "GITHUB_API_URL": github.url,
        "STAGING_DATABASE_URL": "postgres://nowhere",
        **aws.handle.environment(),
    }


def _configuration(directory: Path) -> str:
    """Six environments like the sandbox's staging, two for each directory of its Terraform code."""
    text = (ROOT / "sandbox" / "signalbox.yaml").read_text()
    top, _, rest = text.partition("environments:\n")
    staging = rest[rest.index("  staging:\n") : rest.index("  prod:\n")]
    if wall.metadata_service_answers():  # here check would report that children reach it
        staging = staging.replace("isolation: {", "isolation: {metadata_service: true, ")
    environments = ""
    for number in range(6):
        (directory / "machines" / f"e{number}").mkdir(parents=True)
        (directory / "state" / f"e{number}").mkdir(parents=True)
        environment = staging.replace("  staging:\n", f"  e{number}:\n").replace("/staging/", f"/e{number}/")
        environment = environment.replace("machines/staging", f"machines/e{number}")
        code = ("dev", "staging", "production")[number % 3]
        environments += re.sub(r"directory: instances/\w+", f"directory: instances/{code}", environment)
    images = 'images: {workflow: build-images.yml, instance_tag: "staging {machine}", ami_name_tag: {backend: staging, "*": "{machine}-staging"}}\n'
    return f"{top}environments:\n{environments}{images}".replace("{files}", str(directory))


async def _check(config: Path, environ: dict[str, str]) -> float:
    began = time.perf_counter()
    argv = (sys.executable, "-m", "bot", "check", "--config", str(config))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, cwd=ROOT, env=environ, stdout=pipe, stderr=pipe)
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(output.decode())
    return time.perf_counter() - began
