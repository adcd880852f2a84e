"""The release of a deploy: its commit, what the environment and its roles run now, and the difference."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from bot.access import inputs
from bot.slack.blocks import kit
from handlers.deploy import commit_views
from handlers.deploy.arguments import CHECK
from handlers.deploy.inputs import inputs_of
from handlers.deploy.views import Release
from handlers.shared.checkout import commit_of
from runners import phrases
from runners.errors import NotFoundError, RunnerError
from runners.github import commits as github_commits
from runners.github.api.reads import CachedReads

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.operations.operation import Operation
    from bot.store.deployments import Deployment, MachineCommit
    from runners.results import Commit, Difference

log = logging.getLogger(__name__)


async def release_of(operation: Operation, ref: str, backend: str) -> Release:
    """Within a step: what a deploy of `ref` through this backend (its title) brings to the environment."""
    services, environment = operation.services, operation.environment
    commit = await commit_of(operation, ref)
    current = await services.deployments.current(environment.name)
    difference, unknown = await difference_to(operation, current, commit)
    machine_commits = await services.machine_commits.in_environment(environment.name)
    by_role = commits_by_role(machine_commits, environment.machines, current.sha if current else None)
    return Release(
        commit,
        current_commit(current, commit, differs=bool(by_role)),
        backend,
        difference=difference,
        notices=(unknown,) if unknown else (),
        roles=environment.machines,
        commits_by_role=by_role,
        check=bool(operation.record.arguments.get(CHECK)),
        inputs=inputs_of(environment, operation.record.arguments),
        given=inputs.given(operation.record.arguments),
        goes_back=current is not None and current.sha != commit.sha,
    )


def current_commit(current: Deployment | None, commit: Commit, *, differs: bool = False) -> str:
    """The commit that the environment runs, in mrkdwn. `differs`: its machines run several, which are listed apart."""
    if differs:
        return "not the same everywhere, see below"
    if current is None:
        return "unknown (first deploy by Signalbox)"
    subject = kit.escape(kit.cut(current.subject, 90))
    same = ", the same commit" if current.sha == commit.sha else ""
    return f"{kit.code(current.sha[:7])} {subject} (since {kit.moment(current.at)} by {kit.user(current.person)}{same})"


async def difference_to(
    operation: Operation, current: Deployment | None, commit: Commit
) -> tuple[Difference | None, str]:
    """Within a step: the commits from the current one to `commit`, or a notice (mrkdwn) why they are unknown.

    An unknown difference does not keep a deploy from going on.
    """
    if current is None or current.sha == commit.sha:
        return None, ""
    services = operation.services
    try:
        difference = await github_commits.difference(
            CachedReads(services.github), commit.repository, current.sha, commit.sha
        )
    except NotFoundError:
        missing = kit.code(current.sha[:7])
        return (
            None,
            f":question: {missing} is not in the repository's history (any more): what is deployed is not known",
        )
    except RunnerError as error:
        log.warning("operation %s: %s", operation.number, services.redact(str(error)))
        return None, f":question: What is deployed is not known: {kit.escape(services.redact(error.problem))}"
    return services.redact.within(difference), ""


async def list_commits(operation: Operation, release: Release) -> None:
    """Durable: post all commits of the release into the thread, where the message has no room for them."""
    message = commit_views.in_thread(release.difference) if release.difference else None
    if message:
        await operation.details("commits", message)


async def record_deployed(operation: Operation, commit: Commit) -> None:
    """Within a step: record that every machine of the environment runs the commit."""
    services = operation.services
    await services.machine_commits.set_roles(operation.record, commit, operation.environment.machines)
    await services.deployments.add(operation.record, commit)


def commits_by_role(machine_commits: Iterable[MachineCommit], roles: Sequence[str], sha: str | None) -> str:
    """The commits of each role, as lines of mrkdwn; "" where every machine runs `sha`, the last deploy to all."""
    rows = [row for row in machine_commits if row.machine in roles]
    if all(row.sha == sha for row in rows):
        return ""
    return "\n".join(_role_line(role, [row for row in rows if row.machine == role]) for role in roles)


def _role_line(role: str, rows: Sequence[MachineCommit]) -> str:
    name = kit.escape(role)
    if not rows:
        return f"• {name}: not known"
    counts = Counter(row.sha for row in rows)
    parts = []
    for sha, count in counts.most_common():
        newest = max((row for row in rows if row.sha == sha), key=lambda row: row.at)
        where = "" if len(counts) == 1 else f" on {_hosts(count, rows, sha)}"
        by = f"since {kit.moment(newest.at)} by {kit.user(newest.person)}, #{newest.operation}"
        parts.append(f"{kit.code(sha[:7])}{where} ({by})")
    return f"• {name}: {'; '.join(parts)}"


def _hosts(count: int, rows: Sequence[MachineCommit], sha: str) -> str:
    if any(row.sha == sha and not row.instance for row in rows):
        return "all others"
    return phrases.counted(count, "host")
