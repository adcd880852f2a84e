"""What an instance has printed on its console since its start, as EC2 keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore import exceptions

from runners.aws.client import code_of, explained
from runners.concurrency import run_blocking

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

TIMEOUT = 30.0


async def console_output(ec2: EC2Client, instance: str, doing: str, *, latest: bool = False) -> str:
    """The console of an instance; empty where EC2 has none (yet). `latest`: as it is now, where its type has that.

    Raises:
        NotFoundError: there is no such instance.
        AccessDeniedError, UnavailableError: as AWS says; it takes ec2:GetConsoleOutput.
    """

    def ask() -> str:
        if latest:
            try:
                return ec2.get_console_output(InstanceId=instance, Latest=True).get("Output", "")
            except exceptions.ClientError as error:
                if code_of(error) != "UnsupportedOperation":
                    raise
        return ec2.get_console_output(InstanceId=instance).get("Output", "")

    try:
        return await run_blocking(ask, timeout=TIMEOUT, doing=doing)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        raise explained(error, doing) from None
