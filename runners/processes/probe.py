"""Tries the wall with a real child, and says what is missing where it cannot be built."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runners.errors import RunnerError
from runners.processes import child, interpreter
from runners.processes.wall import DOING

if TYPE_CHECKING:
    from runners.processes.wall import Isolation

_TIMEOUT = 30.0
_NONE = "children run as the bot's own user, without a wall (operations.isolation: none)"
# What bwrap prints, and what to do. Sources: bubblewrap's bubblewrap.c and utils.c, Ubuntu's security documentation.
_ALLOW_NAMESPACES = (
    "Allow user namespaces to the bot: on Debian sysctl kernel.unprivileged_userns_clone=1, on Ubuntu 24.04"
    " sysctl kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile for bwrap; in a container"
    " run the bot as a user other than root (Docker: --user 1000; Kubernetes: runAsUser: 1000) with a seccomp profile"
    " that permits namespaces and mounts (Docker: --security-opt seccomp=PROFILE; Kubernetes: seccompProfile)"
)
_WHOLE_PROC = (
    "Let the container's /proc be whole (Docker: --security-opt systempaths=unconfined;"
    " Kubernetes: procMount: Unmasked with hostUsers: false)"
)
_REMEDIES = (
    (
        ("No permissions to create", "Creating new namespace failed", "setting up uid map", "clone", "unshare"),
        _ALLOW_NAMESPACES,
    ),
    (
        ("Failed to make / slave", "Failed to mount tmpfs"),
        "Let an AppArmor profile permit mounts (Docker: --security-opt apparmor=PROFILE; Kubernetes: appArmorProfile)",
    ),
    (
        ("mount proc", "/proc"),
        _WHOLE_PROC,
    ),
)
_OTHERWISE = "Run bwrap by hand as the bot's user to see what the system refuses"
# The child sees itself alone, is not root, and finds nothing of the bot's process or files.
_SCRIPT = """test "$(id -u)" != 0 && test ! -e "$1" && test "$(ls /proc | grep -c '^[0-9]')" -lt 9 && : > "$HOME/written"
"""


async def prove(isolation: Isolation, workplace: Path) -> str:
    """A sentence about what separates children from the bot.

    Raises:
        RunnerError: no wall can be built here; its remedy says why, and how to renounce it.
    """
    if not isolation.wall:
        return sentence(isolation)
    if problem := interpreter.fault():
        raise RunnerError(
            DOING,
            f"{problem}: children would see them",
            remedy="Install Python in a directory of its own, and make the bot's environment there too (python3 -m venv DIRECTORY).",
        )
    workplace.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="wall-", dir=workplace) as name:
        home, secret = Path(name) / "home", Path(name) / "secret"
        secret.touch(mode=0o600)
        env = child.child_environment(home)
        argv = ["sh", "-c", _SCRIPT, "sh", str(secret)]
        # No granted path: where the bot is root it would be handed to this child's user, away from a child that runs.
        room = replace(isolation, writable=()).room(writable=[home])
        answer = await child.run(argv, cwd=home, env=env, timeout=_TIMEOUT, doing=DOING, room=room)
        if answer.exit_code or not (home / "written").exists():
            raise _unbuilt(answer)
    return sentence(isolation)


def sentence(isolation: Isolation) -> str:
    """What separates children from the bot, for `check`, the log and /infra status."""
    return "children run behind a wall (bubblewrap)" if isolation.wall else _NONE


def _unbuilt(answer: child.Output) -> RunnerError:
    lines = answer.stderr.strip().splitlines() or ["the child saw what it must not see"]
    remedy = next((text for words, text in _REMEDIES if any(word in lines[-1] for word in words)), _OTHERWISE)
    return RunnerError(
        DOING,
        f"no wall can be built around children here: {lines[-1]}",
        remedy=f"{remedy}. Or decide for operations.isolation: none (docs/isolation.md).",
        exit_code=answer.exit_code,
    )
