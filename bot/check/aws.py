"""Checks AWS: the identity, and whether it can list instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore import exceptions

from bot.check.result import Findings
from runners.aws.client import Clients, explained, make_clients
from runners.concurrency import run_blocking
from runners.errors import RunnerError

if TYPE_CHECKING:
    from bot.config import Config

TIMEOUT = 30.0


async def check_aws(config: Config) -> Findings:
    """Read the AWS identity, and check that it can list instances."""
    findings = Findings("aws")
    doing = "reading the AWS identity"
    try:
        clients = await run_blocking(
            make_clients, config.aws.region, config.aws.profile, timeout=TIMEOUT, doing="reading the AWS settings"
        )
        identity = await run_blocking(clients.sts.get_caller_identity, timeout=TIMEOUT, doing=doing)
        findings.add_fact(f"account {identity['Account']} as {identity['Arn'].rpartition(':')[2]}, {config.aws.region}")
        doing = "listing EC2 instances"
        await run_blocking(_check_describe, clients, timeout=TIMEOUT, doing=doing)
    except RunnerError as error:
        findings.add_problem(str(error), error.remedy)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        denied = explained(error, doing)
        findings.add_problem(str(denied), denied.remedy)
    return findings


def _check_describe(clients: Clients) -> None:
    try:
        clients.ec2.describe_instances(DryRun=True)
    except exceptions.ClientError as error:
        # AWS's answer to a dry run of an allowed call.
        if error.response.get("Error", {}).get("Code") != "DryRunOperation":
            raise
