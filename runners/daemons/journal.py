"""The last lines that systemd's journal has of a daemon on a host, read by a script that changes nothing."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from runners.daemons import why_refused
from runners.daemons.snapshot import AS_ROOT
from runners.errors import RunnerError
from runners.ssh.remote import REFUSED

if TYPE_CHECKING:
    from runners.results import Host
    from runners.ssh.remote import Access

LONGEST = 5_000  # lines
MOST = 1 << 20  # bytes of a host
TIMEOUT = 60.0
NO_JOURNAL = "(this host has no journalctl)"
NO_LINES = "(no entries: systemd's journal has nothing of this unit, or the deploying user may not read it)"


def script(daemon: str, lines: int) -> str:
    """A POSIX script that prints the last lines of the unit's journal; by sudo where that needs no password."""
    unit = shlex.quote(daemon)
    return (
        f"{AS_ROOT}command -v journalctl >/dev/null 2>&1 || {{ echo {shlex.quote(NO_JOURNAL)}; exit 0; }}\n"
        f"$S journalctl --no-pager --quiet --output short-iso --lines {lines} --unit {unit} 2>&1 | tail -c {MOST}\n"
    )


async def read_journal(access: Access, host: Host, daemon: str, lines: int) -> str:
    """The last lines of a daemon's journal on a host; a sentence in brackets where there are none, or ssh failed."""
    doing = f"reading the journal of {daemon} on {host.name}"
    try:
        output = await access.run(host, script(daemon, lines), timeout=TIMEOUT, doing=doing)
    except RunnerError as error:
        return f"({error.problem})"
    if output.exit_code == REFUSED:
        return f"(the host could not be reached: {why_refused(access, host, output.stderr)})"
    return output.stdout.rstrip() or NO_LINES
