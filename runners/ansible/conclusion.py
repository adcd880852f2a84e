"""A playbook that has ended: each host's outcome, from what it got. Ansible's recap has to agree, or the outcome is unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runners.ansible.outcomes import NO_REPORT, HostOutcome, Outcomes
from runners.ansible.output import describe, short_path, tail_of
from runners.results import FailedTask, ForcedTasks, HostResult, PlaybookResult, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    Mask = Callable[[str], str]

MOST_TOLERATED = 100
MOST_NAMED = 25
DISAGREE = "Ansible's recap contradicts its own events"


def conclude(
    result: PlaybookResult, outcomes: Outcomes, *, exit_code: int | None, root: str, mask: Mask, error: str = ""
) -> PlaybookResult:
    """The result with each host's outcome. `result` has the recap's numbers; `root` is omitted from paths.

    A host that got every task succeeded; one that no play names is skipped. A host without a certain outcome is UNKNOWN, and
    `uncertainty` says why. `error` is what Ansible itself stopped for, in the middle and without a recap.
    """
    hosts = tuple(_judged(host, outcomes.of(host.host)) for host in result.hosts)
    unknown = [host for host in hosts if host.state is State.UNKNOWN]
    well = not exit_code and all(host.state in (State.SUCCEEDED, State.SKIPPED) for host in hosts)
    texts = _Texts(outcomes, root, mask)
    return replace(
        result,
        state=State.SUCCEEDED if well else State.FAILED,
        finished=True,
        hosts=hosts,
        failures=tuple(map(texts.completed, result.failures)),
        tolerated=tuple(texts.tolerated())[:MOST_TOLERATED],
        uncertainty=error or (_uncertainty(outcomes) if unknown else ""),
    )


def forced_tasks(outcomes: Outcomes, *, root: str, mask: Mask) -> ForcedTasks:
    """What ran in a check although Ansible ran in check mode."""
    tasks = dict.fromkeys((each.task, each.path) for each in outcomes.forced)
    names = [mask(f"{task} ({short_path(path, root)})") for task, path in list(tasks)[:MOST_NAMED]]
    changed = sum(each.changed for each in outcomes.forced)
    return ForcedTasks(len(tasks), len(outcomes.forced), changed, tuple(names), complete=outcomes.complete)


def _uncertainty(outcomes: Outcomes) -> str:
    return DISAGREE if outcomes.complete else NO_REPORT


def _judged(host: HostResult, outcome: HostOutcome) -> HostResult:
    ignored, rescued = max(host.ignored, outcome.ignored), max(host.rescued, outcome.rescued)
    host = replace(host, ignored=ignored, rescued=rescued)
    if not _agrees(host, outcome):
        return replace(host, state=State.UNKNOWN)
    task = None if outcome.state in (State.SUCCEEDED, State.SKIPPED) else (outcome.task or None)
    return replace(host, state=outcome.state, current_task=task)


def _agrees(host: HostResult, outcome: HostOutcome) -> bool:
    """Whether the recap's numbers are those of the events. A rescued failure of an include counts as a failure there."""
    failures = outcome.failed <= host.failed <= outcome.failed + outcome.rescued
    if outcome.state is State.SKIPPED and (host.ok or host.failed or host.skipped):
        return False
    return failures and outcome.unreachable == host.unreachable


class _Texts:
    """What failed tasks returned, masked before it is cut: half a secret is one as well."""

    def __init__(self, outcomes: Outcomes, root: str, mask: Mask) -> None:
        self._outcomes, self._root, self._mask = outcomes, root, mask
        self._by_place = {
            (entry.host, entry.task, short_path(entry.path, root)): entry.res for entry in outcomes.failures
        }

    def completed(self, failure: FailedTask) -> FailedTask:
        """The failure with its text, where ansible-runner dropped it: it does so above 700 kB."""
        res = self._by_place.get((failure.host, failure.task, failure.path))
        return failure if failure.output.strip() or not res else replace(failure, output=self._output(res))

    def tolerated(self) -> Iterable[FailedTask]:
        """Failures after which Ansible went on."""
        for entry in self._outcomes.failures:
            if entry.ignored or entry.rescued:
                yield FailedTask(
                    entry.host,
                    self._mask(entry.task),
                    self._mask(short_path(entry.path, self._root)),
                    self._output(entry.res),
                    entry.unreachable,
                )

    def _output(self, res: Mapping[str, Any]) -> str:
        return tail_of(self._mask(describe(dict(res))).replace(self._root, ""))
