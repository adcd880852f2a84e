"""What each machine of an environment runs: kept after a deploy, told before the next one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bot.slack.blocks import kit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.operations.operation import Operation
    from bot.store.deployments import Deployment, MachineCommit
    from runners.results import Commit


async def record_all(operation: Operation, commit: Commit) -> None:
    """Within a step: the whole environment runs the commit."""
    services, environment = operation.services, operation.environment
    await services.machine_commits.set_roles(operation.record, commit, environment.machines)
    await services.deployments.add(operation.record, commit)


async def differing(operation: Operation, running: Deployment | None) -> str:
    """What each machine type runs (escaped lines) where not every machine runs what the whole was last given; else ""."""
    known = await operation.services.machine_commits.in_environment(operation.environment.name)
    return in_words(known, operation.environment.machines, running.sha if running else None)


def in_words(known: Iterable[MachineCommit], machines: Sequence[str], sha: str | None) -> str:
    """See `differing`."""
    rows = [row for row in known if row.machine in machines]
    if all(row.sha == sha for row in rows):
        return ""
    lines = [_line(machine, [row for row in rows if row.machine == machine]) for machine in machines]
    return "\n".join(lines)


def _line(machine: str, rows: Sequence[MachineCommit]) -> str:
    name = kit.escape(machine)
    if not rows:
        return f"• {name}: not known"
    commits = Counter(row.sha for row in rows)
    said = []
    for sha, count in commits.most_common():
        newest = max((row for row in rows if row.sha == sha), key=lambda row: row.at)
        where = "" if len(commits) == 1 else f" on {_hosts(count, rows, sha)}"
        by = f"since {kit.moment(newest.at)} by {kit.user(newest.person)}, #{newest.operation}"
        said.append(f"{kit.code(sha[:7])}{where} ({by})")
    return f"• {name}: {'; '.join(said)}"


def _hosts(count: int, rows: Sequence[MachineCommit], sha: str) -> str:
    if any(row.sha == sha and not row.instance for row in rows):
        return "all others"
    return f"{count} host{'s' if count != 1 else ''}"
