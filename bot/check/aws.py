"""AWS: who we are there, and whether we may look at machines."""

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
    """Asks AWS who we are, and whether we may look at machines."""
    found = Findings("aws")
    doing = "asking AWS who we are"
    try:
        clients = await run_blocking(
            make_clients, config.aws.region, config.aws.profile, timeout=TIMEOUT, doing="reading AWS's settings"
        )
        identity = await run_blocking(clients.sts.get_caller_identity, timeout=TIMEOUT, doing=doing)
        found.note(f"account {identity['Account']} as {identity['Arn'].rpartition(':')[2]}, {config.aws.region}")
        doing = "looking at machines"
        await run_blocking(_may_describe, clients, timeout=TIMEOUT, doing=doing)
    except RunnerError as error:
        found.fail(str(error), error.remedy)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        said = explained(error, doing)
        found.fail(str(said), said.remedy)
    return found


def _may_describe(clients: Clients) -> None:
    try:
        clients.ec2.describe_instances(DryRun=True)
    except exceptions.ClientError as error:
        # What AWS answers to a dry run that would have gone well.
        if error.response.get("Error", {}).get("Code") != "DryRunOperation":
            raise
