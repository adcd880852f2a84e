"""Checks AWS: the identities, and whether they can list instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore import exceptions

from bot.check.result import Findings
from runners.aws.client import Clients, code_of, explained, make_clients
from runners.concurrency import run_blocking
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.config import Config
    from runners.results import AwsPlace

TIMEOUT = 30.0
ALLOWED = "DryRunOperation"  # AWS's answer to a dry run of an allowed call


async def check_aws(config: Config) -> Findings:
    """Read the AWS identity of each account and region, and check that it can list instances."""
    findings = Findings("aws")
    places = {config.aws_place: ""}
    for environment in config.environments.values():
        places.setdefault(config.aws_of(environment), environment.key_of("aws") + ": ")
    for place, whose in places.items():
        if place is not None:
            await _check_place(place, whose, findings)
    return findings


async def _check_place(place: AwsPlace, whose: str, findings: Findings) -> None:
    doing = "reading the AWS identity"
    try:
        clients = await run_blocking(make_clients, place, timeout=TIMEOUT, doing="reading the AWS settings")
        identity = await run_blocking(clients.sts.get_caller_identity, timeout=TIMEOUT, doing=doing)
        who = identity["Arn"].rpartition(":")[2]
        findings.add_fact(f"{whose}account {identity['Account']} as {who}, {place.region}")
        doing = "listing EC2 instances"
        await run_blocking(_check_describe, clients, timeout=TIMEOUT, doing=doing)
        for missing in await run_blocking(_not_displayed, clients, timeout=TIMEOUT, doing="reading health"):
            findings.add_fact(f"{whose}{missing}")
    except RunnerError as error:
        findings.add_problem(f"{whose}{error}", error.remedy)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        denied = explained(error, doing)
        findings.add_problem(f"{whose}{denied}", denied.remedy)


def _check_describe(clients: Clients) -> None:
    try:
        clients.ec2.describe_instances(DryRun=True)
    except exceptions.ClientError as error:
        if code_of(error) != ALLOWED:
            raise


def _not_displayed(clients: Clients) -> list[str]:
    """What Home and /infra status do not display of the machines' health, as AWS does not let us read it."""
    reads: dict[str, Callable[[], object]] = {
        "status checks": lambda: clients.ec2.describe_instance_status(DryRun=True),
        "alarms": lambda: clients.cloudwatch.describe_alarms(MaxRecords=1),
    }
    missing = []
    for what, read in reads.items():
        try:
            read()
        except exceptions.ClientError as error:
            if code_of(error) != ALLOWED:
                failure = explained(error, f"reading {what}")
                missing.append(f"Home and /infra status display no {what}: {failure.problem}. {failure.remedy}")
    return missing
