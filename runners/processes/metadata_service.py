"""Whether children reach the instance metadata service of a cloud, which gives out the credentials of the machine's role."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from runners.errors import RunnerError
from runners.processes import child, connecting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runners.processes.wall import Isolation

# Of EC2 and most other clouds, by IPv4 and IPv6; of ECS's tasks; of EKS's pods, by IPv4 and IPv6. Sources: the user
# guides of EC2 ("Access instance metadata"), ECS ("Task IAM role") and EKS ("Pod Identity").
ADDRESSES = ("169.254.169.254", "fd00:ec2::254", "169.254.170.2", "169.254.170.23", "fd00:ec2::23")
PORT = 80
SECONDS = 0.5  # for all of them at once; the service is on the same host or link and answers within milliseconds, and TCP repeats after 1 s
_DOING = "checking whether children reach the instance metadata service"
_TIMEOUT = 30.0
_REMEDY = (
    "Add IPAddressDeny=169.254.0.0/16 fd00:ec2::/32 to the bot's systemd unit. Or, where the bot runs as root, forbid"
    " the service to the children's user by nftables (docs/isolation.md has the rules). Or set"
    " environments.<name>.isolation.metadata_service: true where the environment's code is trusted with the machine's role."
)


async def reached(isolation: Isolation, workplace: Path) -> tuple[str, ...]:
    """The addresses of the service that a child reaches, tried by one that is not granted the service.

    Raises:
        RunnerError: the child could not try them.
    """
    workplace.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="metadata-", dir=workplace) as name:
        home = Path(name) / "home"
        env = child.child_environment(home)
        argv = [sys.executable, "-I", "-S", "-c", _program(), str(SECONDS), str(PORT), *ADDRESSES]
        # No granted path: where the bot is root it would be handed to this child's user, away from a child that runs.
        room = replace(isolation, metadata_service=False, writable=()).room(writable=[home])
        answer = await child.run(argv, cwd=home, env=env, timeout=_TIMEOUT, doing=_DOING, room=room)
    if answer.exit_code:
        lines = answer.stderr.strip().splitlines() or [f"exit code {answer.exit_code}"]
        raise RunnerError(_DOING, lines[-1], remedy=_REMEDY, exit_code=answer.exit_code)
    return tuple(answer.stdout.split())


@cache
def _program() -> str:
    return Path(connecting.__file__).read_text(encoding="utf-8")


def refuse(isolation: Isolation, addresses: Sequence[str], environments: Sequence[str]) -> None:
    """Refuse to go on where children behind a wall reach the service, and these environments do not ask for it.

    Raises:
        RunnerError: they reach it.
    """
    if isolation.wall and addresses and environments:
        raise RunnerError(
            "isolating what it starts",
            f"children reach the instance metadata service ({', '.join(addresses)}), which gives them the machine's role;"
            f" {', '.join(environments)} must not have it",
            remedy=_REMEDY,
        )


def sentence(addresses: Sequence[str]) -> str:
    """Whether children reach the service, for `check`, the log and /infra status."""
    if addresses:
        return f"children reach the instance metadata service ({', '.join(addresses)})"
    return "children do not reach the instance metadata service"
