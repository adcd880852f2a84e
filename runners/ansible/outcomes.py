"""What each host got of a playbook, from what `callback/signalbox_outcomes.py` wrote. Nothing here does I/O."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NO_REPORT = "Ansible's report of what each host got is missing or incomplete"


@dataclass(slots=True)
class HostOutcome:
    """How a playbook ended on a host.

    `state` is SUCCEEDED (it got every task of every play that names it), FAILED, UNREACHABLE, NOT_REACHED (the play ended
    before it got them all, or never came to it), SKIPPED (no play names it), or UNKNOWN. `task` is the one that failed, or
    the next one of a host that was not reached, "" where it got none.
    """

    state: State = State.SKIPPED
    task: str = ""
    failed: int = 0
    unreachable: int = 0
    ignored: int = 0
    rescued: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that failed on a host, or for which it was out of reach. `res` is what it returned, each text cut."""

    host: str
    task: str
    path: str
    res: Mapping[str, Any]
    ignored: bool
    rescued: bool
    unreachable: bool


@dataclass(frozen=True, slots=True)
class Forced:
    """A task with `check_mode: false` that ran on a host in a check, and whether it reports a change."""

    task: str
    path: str
    changed: bool


@dataclass(slots=True)
class _Play:
    named: set[str] = field(default_factory=set)
    begun: set[str] = field(default_factory=set)
    over: set[str] = field(default_factory=set)


class Outcomes:
    """Takes the lines in turn. `of(host)` is the host's outcome once Ansible ended."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._hosts: dict[str, HostOutcome] = {}
        self._plays: dict[int, _Play] = {}
        self._current = _Play()
        self._batch: set[str] = set()
        self.failures: list[Failure] = []
        self.forced: list[Forced] = []
        self._ended = False
        for line in lines:
            self._take(line)
        self._look_back()

    @property
    def complete(self) -> bool:
        """Whether Ansible came to its end, and reported the end of every play that it began."""
        return self._ended and all(play.begun == play.over for play in self._plays.values())

    def of(self, host: str) -> HostOutcome:
        """The host's outcome; UNKNOWN where the report does not say."""
        outcome = self._hosts.get(host, HostOutcome())
        if not self.complete and outcome.state in {State.SUCCEEDED, State.SKIPPED}:
            return HostOutcome(State.UNKNOWN, outcome.task)
        return outcome

    def _take(self, line: str) -> None:
        try:
            entry = json.loads(line)
        except ValueError:  # the last line of a process that was killed
            return
        if not isinstance(entry, dict):
            return
        match entry.get("kind"):
            case "play":
                self._begin(int(entry["play"]), set(entry["hosts"]), set(entry["named"]))
            case "failure":
                self._fail(entry)
            case "forced":
                self.forced.append(Forced(str(entry["task"]), str(entry["path"]), changed=bool(entry["changed"])))
            case "played":
                self._stop(entry["stops"])
                self._end_batch(entry["remaining"])
            case "end":
                self._end(entry["unplayed"])

    def _host(self, name: str) -> HostOutcome:
        return self._hosts.setdefault(name, HostOutcome(State.SUCCEEDED))

    def _begin(self, number: int, batch: set[str], named: set[str]) -> None:
        self._current = self._plays.setdefault(number, _Play())
        self._current.named |= named
        self._current.begun |= batch
        self._batch = batch
        for host in batch:
            self._host(host)

    def _fail(self, entry: dict[str, Any]) -> None:
        ignored, rescued, unreachable = (bool(entry.get(key)) for key in ("ignored", "rescued", "unreachable"))
        name, task, path = (str(entry[key]) for key in ("host", "task", "path"))
        failure = Failure(name, task, path, entry["res"], ignored, rescued and not ignored, unreachable)
        self.failures.append(failure)
        host = self._host(name)
        host.ignored += ignored
        host.rescued += failure.rescued
        if unreachable:  # ignored or not: it did not get this task
            host.unreachable += not ignored
            _decide(host, State.UNREACHABLE, task)
        elif not ignored and not rescued:
            host.failed += 1
            _decide(host, State.FAILED, task)

    def _stop(self, stops: Iterable[dict[str, Any]]) -> None:
        """Hosts that another host's failure stopped. At a task that was the last one, a host got them all."""
        for stop in stops:
            host = self._host(stop["host"])
            if stop["rescued"]:
                host.rescued += 1
            elif stop["remaining"] is not None:
                _decide(host, State.NOT_REACHED, stop["remaining"])

    def _end_batch(self, remaining: Mapping[str, str | None]) -> None:
        self._current.over |= self._batch
        for name, task in remaining.items():
            if task is not None:
                _decide(self._host(name), State.NOT_REACHED, task)

    def _end(self, unplayed: Iterable[list[str] | None]) -> None:
        self._ended = True
        for hosts in unplayed:
            if hosts is None:  # nobody knows whom that play names
                self._ended = False
            for name in hosts or ():
                _decide(self._host(name), State.NOT_REACHED, "")

    def _look_back(self) -> None:
        """Hosts whose batch never began."""
        for play in self._plays.values():
            for name in play.named - play.begun:
                _decide(self._host(name), State.NOT_REACHED, "")


def _decide(host: HostOutcome, state: State, task: str) -> None:
    if host.state is State.SUCCEEDED:  # the first thing that keeps a host from getting all is what is reported
        host.state, host.task = state, task
