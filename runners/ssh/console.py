"""The host keys that an instance has printed on its console at its first start, as EC2 keeps it: nobody stands between."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from botocore import exceptions

from runners.aws.client import explained
from runners.concurrency import run_blocking
from runners.ssh.host_keys import KINDS, HostKey, read_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_ec2 import EC2Client

TIMEOUT = 30.0
# cloud-init prints them between these lines (its module "SSH" and keys-to-console).
_PRINTED = re.compile(r"-----BEGIN SSH HOST KEY KEYS-----(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL)
_KEY = re.compile(rf"\b({'|'.join(KINDS)}) ([A-Za-z0-9+/]+=*)")


async def console_keys(ec2: EC2Client, instances: Iterable[str]) -> dict[str, tuple[HostKey, ...]]:
    """The keys on the consoles of these instances; those whose console shows none (any more) are left out.

    Raises:
        AccessDeniedError, UnavailableError: as AWS says; it takes ec2:GetConsoleOutput.
    """
    doing = "reading host keys from the machines' consoles"

    async def keys_of(instance: str) -> tuple[str, tuple[HostKey, ...]]:
        def ask() -> str:
            return ec2.get_console_output(InstanceId=instance).get("Output", "")

        try:
            return instance, keys_in(await run_blocking(ask, timeout=TIMEOUT, doing=doing))
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            raise explained(error, doing) from None

    answers = await asyncio.gather(*(keys_of(instance) for instance in instances))
    return {instance: keys for instance, keys in answers if keys}


def keys_in(output: str) -> tuple[HostKey, ...]:
    """The keys in a console's output, of the newest start that has printed any."""
    printed = _PRINTED.findall(output)
    return read_keys("\n".join(" ".join(key) for key in _KEY.findall(printed[-1]))) if printed else ()
