"""Small playbooks that Hypothesis makes, and what each host must have got by what an independent callback saw of the run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

HOSTS = ("web1", "web2", "web3", "dead")  # nothing listens where "dead" is
# Shares no line with the product: each result as Ansible hands it to any callback, with the batch that it came in.
WITNESS = """
import json, os
PATH = "%s"
from ansible.plugins.callback import CallbackBase
class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "witness"
    batch = -1
    def saw(self, what, result=None, **more):
        entry = dict(what=what, batch=self.batch, **more)
        if result is not None:
            entry |= dict(host=result.host.name, task=result.task.name)
        with open(os.environ.get("WITNESS", PATH), "a") as file:
            file.write(json.dumps(entry) + "\\n")
    def v2_playbook_on_play_start(self, play):
        self.batch += 1
        hosts = play.get_variable_manager().get_vars(play=play)["ansible_play_batch"]
        self.saw("batch", play=play.name, hosts=list(hosts))
    def v2_runner_on_ok(self, result): self.saw("ok", result)
    def v2_runner_on_skipped(self, result): self.saw("ok", result)
    def v2_runner_on_failed(self, result, ignore_errors=False): self.saw("ignored" if ignore_errors else "failed", result)
    def v2_runner_on_unreachable(self, result): self.saw("unreachable", result)
"""


@dataclass(frozen=True)
class Task:
    """A task, or a block of tasks."""

    name: str
    fails_on: tuple[str, ...] = ()
    remote: bool = False
    options: tuple[str, ...] = ()
    block: tuple[Task, ...] = ()
    rescue: tuple[Task, ...] = ()
    always: tuple[Task, ...] = ()
    notifies: bool = False

    def yaml(self) -> dict[str, Any]:
        """As Ansible reads it."""
        options: dict[str, Any] = dict.fromkeys(self.options, True)
        if self.block:
            parts = {"block": self.block, "rescue": self.rescue, "always": self.always}
            return {"name": self.name, **{key: [task.yaml() for task in part] for key, part in parts.items() if part}}
        if self.remote:
            return {"name": self.name, "ansible.builtin.ping": {}, **options}
        if self.fails_on:
            when = f"inventory_hostname in {list(self.fails_on)}"
            return {"name": self.name, "ansible.builtin.fail": {"msg": "broken"}, "when": when, **options}
        notify = {"changed_when": True, "notify": f"handle {self.name}"} if self.notifies else {}
        return {"name": self.name, "ansible.builtin.debug": {"msg": "fine"}, **notify, **options}


@dataclass(frozen=True)
class Play:
    """A play on some of the hosts."""

    name: str
    hosts: str
    tasks: tuple[Task, ...]
    options: dict[str, Any] = field(default_factory=dict)

    def yaml(self) -> dict[str, Any]:
        """As Ansible reads it."""
        notifying = [task for task in flat(self.tasks) if task.notifies]
        handlers = [{"name": f"handle {task.name}", "ansible.builtin.debug": {"msg": "handled"}} for task in notifying]
        tasks = [task.yaml() for task in self.tasks]
        base = {"name": self.name, "hosts": self.hosts, "gather_facts": False}
        return {**base, **self.options, "tasks": tasks, "handlers": handlers}


def flat(tasks: Iterable[Task]) -> list[Task]:
    """All tasks that are no blocks."""
    result: list[Task] = []
    for task in tasks:
        inner = (*task.block, *task.rescue, *task.always)
        result += flat(inner) if inner else [task]
    return result


@st.composite
def playbooks(draw: st.DrawFn) -> list[Play]:
    """One to three plays; every task has a name of its own."""
    numbers = count(1)
    return [draw(_plays(numbers)) for _ in range(draw(st.integers(1, 3)))]


@st.composite
def _plays(draw: st.DrawFn, numbers: count[int]) -> Play:
    strategy = draw(st.sampled_from(["linear", "linear", "free", "host_pinned"]))
    options: dict[str, Any] = {"strategy": strategy} if strategy != "linear" else {}
    for key, values in (
        ("serial", [1, 2, "50%", [1, 2]]),
        ("any_errors_fatal", [True]),
        ("max_fail_percentage", [0, 30, 60]),
        ("ignore_unreachable", [True]),
        ("force_handlers", [True]),
    ):
        if draw(st.integers(0, 3)) == 0:
            options[key] = draw(st.sampled_from(values))
    hosts = draw(st.sampled_from(["all", "all", "all:!dead", "web", "web[0]", "web[1:]", "web1:dead", "nobody"]))
    tasks = draw(st.lists(_tasks(numbers, strategy == "linear"), min_size=1, max_size=4))
    return Play(f"play {next(numbers)}", hosts, tuple(tasks), options)


def _tasks(numbers: count[int], linear: bool) -> st.SearchStrategy[Task]:
    return st.one_of(
        _plain(numbers, linear), _plain(numbers, linear), _plain(numbers, linear), _blocks(numbers, linear)
    )


@st.composite
def _plain(draw: st.DrawFn, numbers: count[int], linear: bool) -> Task:
    name = f"task {next(numbers)}"
    kind = draw(st.sampled_from(["fine", "fine", "notifies", "remote", "fails", "fails"]))
    options = [
        option for option in ("ignore_errors", "ignore_unreachable", "any_errors_fatal") if draw(st.integers(0, 4)) == 0
    ]
    if linear and draw(st.integers(0, 4)) == 0:
        options += ["run_once"]
    fails_on = draw(st.sets(st.sampled_from(HOSTS[:3]), min_size=1)) if kind == "fails" else ()
    return Task(name, tuple(sorted(fails_on)), kind == "remote", tuple(options), notifies=kind == "notifies")


@st.composite
def _blocks(draw: st.DrawFn, numbers: count[int], linear: bool) -> Task:
    def part(least: int) -> tuple[Task, ...]:
        return tuple(draw(st.lists(_plain(numbers, linear), min_size=least, max_size=2)))

    block = part(1)
    rescue = part(1) if draw(st.booleans()) else ()
    return Task(f"block {next(numbers)}", block=block, rescue=rescue, always=part(0))


class Witnessed:
    """What the witness saw, and what follows for each host."""

    def __init__(self, plays: Sequence[Play], path: Path, named: dict[str, list[str]]) -> None:
        self._plays, self._path, self._named = plays, path, named  # `named`: by a pattern, the hosts

    def read(self) -> None:
        """Take what the witness wrote."""
        path = self._path
        entries = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        self._batches = [entry for entry in entries if entry["what"] == "batch"]
        self._saw = {(entry["host"], entry["task"]): entry["what"] for entry in entries if "task" in entry}
        self._first: dict[str, str] = {}
        for entry in entries:
            if entry["what"] == "unreachable" or (entry["what"] == "failed" and not self._rescues(entry["task"])):
                self._first.setdefault(entry["host"], entry["what"])
        self._once = {(entry["batch"], entry["task"]): entry["what"] for entry in entries if "task" in entry}

    def outcome(self, host: str) -> str:
        """One of done, failed, unreachable, not reached, nothing to do."""
        naming = [play for play in self._plays if host in self._named[play.hosts]]
        if host in self._first:
            return str(self._first[host])
        if not naming:
            return "nothing to do"
        return "done" if all(self._got(play, host) for play in naming) else "not reached"

    def _rescues(self, name: str) -> bool:
        """Whether a rescue section follows a failure of this task."""
        blocks = [task for play in self._plays for task in play.tasks if task.rescue]
        return any(task.name == name for block in blocks for task in block.block)

    def _got(self, play: Play, host: str) -> bool:
        own = [
            index for index, batch in enumerate(self._batches) if batch["play"] == play.name and host in batch["hosts"]
        ]
        return bool(own) and all(self._has(task, host, own[0]) for task in play.tasks)

    def _has(self, task: Task, host: str, batch: int) -> bool:
        if not task.block:
            return self._plain(task, host, batch)
        always = all(self._plain(item, host, batch) for item in task.always)
        for item in task.block:
            failed = (
                self._once.get((batch, item.name)) if "run_once" in item.options else self._saw.get((host, item.name))
            )
            if failed == "failed" and task.rescue:
                return always and all(self._plain(rescuing, host, batch) for rescuing in task.rescue)
            if not self._plain(item, host, batch):
                # Another host's failure may have sent this one to the rescue section as well.
                rescued = bool(task.rescue) and all(self._plain(rescuing, host, batch) for rescuing in task.rescue)
                return always and rescued
        return always

    def _plain(self, task: Task, host: str, batch: int) -> bool:
        if "run_once" in task.options:
            got = self._once.get((batch, task.name)) in {"ok", "ignored"}
        else:
            got = self._saw.get((host, task.name)) in {"ok", "ignored"}
        handled = not task.notifies or not got or self._handled(task, host)
        return got and handled

    def _handled(self, task: Task, host: str) -> bool:
        notified = (host, task.name) in self._saw
        return not notified or (host, f"handle {task.name}") in self._saw
