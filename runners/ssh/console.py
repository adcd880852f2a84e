"""The host keys that an instance has printed on its console at its first start, as EC2 keeps it: nobody stands between."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from runners.aws.console_output import console_output
from runners.ssh.host_keys import KINDS, HostKey, read_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_ec2 import EC2Client

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
        return instance, keys_in(await console_output(ec2, instance, doing))

    answers = await asyncio.gather(*(keys_of(instance) for instance in instances))
    return {instance: keys for instance, keys in answers if keys}


def keys_in(output: str) -> tuple[HostKey, ...]:
    """The keys in a console's output, of the newest start that has printed any."""
    printed = _PRINTED.findall(output)
    return read_keys("\n".join(" ".join(key) for key in _KEY.findall(printed[-1]))) if printed else ()
