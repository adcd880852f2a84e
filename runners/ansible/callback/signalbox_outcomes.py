"""An Ansible callback plugin: it writes what each host got into the file SIGNALBOX_OUTCOMES, a JSON object a line.

It also prints how many tasks there are, which `runners/ansible/numbering.py` reads.

It runs inside ansible-playbook, so it imports nothing of Signalbox. Ansible's recap says nothing of tasks that a host never
got because another host's failure ended the play. Only Ansible's iterator knows them, and no callback is given it: two
methods are wrapped. Both exist since Ansible 2.4; in a version without them this plugin does not load, no file is
written, and the deploy reports that it does not know. `runners/ansible/outcomes.py` reads the file.
"""

from __future__ import annotations

import functools
import json
import os
from typing import TYPE_CHECKING, Any

from ansible import context
from ansible.executor.play_iterator import IteratingStates, PlayIterator
from ansible.playbook.block import Block
from ansible.plugins.callback import CallbackBase
from ansible.template import Templar

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENTATION = """
name: signalbox_outcomes
type: notification
short_description: writes what each host got
description: Writes what each host got into a file, for Signalbox.
"""
MOST_TASKS = 10_000  # of a host that are looked through for one that remains
TEXT = 20_000  # characters of a text of a result; Signalbox shows far fewer
ITEMS = 20  # failed items of a loop
# Their own results are no work on a host; what they include has results of its own.
INCLUDES = {"include", "include_tasks", "include_role", "import_tasks", "import_role"}
TEXTS = ("msg", "reason", "stderr", "module_stderr", "stdout", "module_stdout")


class CallbackModule(CallbackBase):  # type: ignore[misc]  # Ansible has no types
    """One for each run of ansible-playbook."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "signalbox_outcomes"

    def __init__(self, display: Any = None, options: Any = None) -> None:
        super().__init__(display=display, options=options)
        path = os.environ.get("SIGNALBOX_OUTCOMES", os.devnull)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        self._file = os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8", errors="replace", buffering=1)
        self._plays: list[Any] = []
        self._started = 0  # plays, and those that Ansible passed over
        self._begun: set[str] = set()  # hosts of the current play
        self._iterator: Any = None  # of the current batch of the current play
        self._batch: list[str] = []
        self._unreachable: set[str] = set()
        self._stops: dict[str, dict[str, Any]] = {}  # by host: stopped, as far as known not by a task of its own
        self._checking = bool(context.CLIARGS.get("check"))
        self._failed_before: set[str] = set()  # hosts whose failure Ansible reports before it marks them (includes)
        _for_each_iterator(self._begin)
        _before_each_mark(self._stop)

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Remember the plays; some may never start. Print how many tasks they have."""
        self._plays = playbook.get_plays()
        try:
            count = sum(_planned(play, playbook._basedir) for play in self._plays)
        except Exception:  # noqa: BLE001  -- whatever a variable of a play is about: the number stays unknown
            return
        self._display.display(f"signalbox: {count} tasks")

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Write which hosts the play names, and which of them it begins with. Ansible calls this for each batch."""
        self._end_batch()
        self._batch = _hosts(play, batch=True)
        self._write("play", play=self._number_of(play), hosts=self._batch, named=_hosts(play))

    def _number_of(self, play: Any) -> int:
        """The play's place in the playbook. Ansible hands over a copy; what it was read from is the same.

        A playbook that is imported twice is read once: the second time begins with hosts that began before.
        """
        first = self._started - 1 if self._started and self._begun.isdisjoint(self._batch) else self._started
        same = (number for number in range(first, len(self._plays)) if self._plays[number]._ds is play._ds)
        number = next(same, self._started)
        self._begun = {*self._batch, *(self._begun if number == self._started - 1 else ())}
        self._started = number + 1
        return number

    def v2_runner_on_ok(self, result: Any) -> None:
        """Write that a task ran although Ansible runs in check mode."""
        self._forced(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool | None = False) -> None:  # noqa: FBT001, FBT002  -- Ansible's
        """Write a failure, and whether a rescue section follows it."""
        self._forced(result)
        name = _host_of(result)
        stop = self._stops.pop(name, None)
        rescued = stop["rescued"] if stop else self._rescues(name)
        if not stop and not ignore_errors:
            self._failed_before.add(name)
        self._failure(result, ignored=bool(ignore_errors), rescued=rescued)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Write that a host was out of reach for a task."""
        ignored = bool(_task_of(result).ignore_unreachable)
        if not ignored:
            self._unreachable.add(_host_of(result))
        self._failure(result, ignored=ignored, unreachable=True)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Write the end, with the hosts of the plays that never started."""
        del stats  # Signalbox has them from ansible-runner, and compares
        self._end_batch()
        self._write("end", unplayed=[_hosts_of_unplayed(play) for play in self._plays[self._started :]])

    def _failure(self, result: Any, **how: bool) -> None:
        task, res = _task_of(result), getattr(result, "result", None) or getattr(result, "_result", {})
        self._write(
            "failure", host=_host_of(result), task=task.get_name().strip(), path=task.get_path(), **how, res=_cut(res)
        )

    def _forced(self, result: Any) -> None:
        """Write a task with `check_mode: false` in a run in check mode, and whether it reports a change."""
        task = _task_of(result)
        if not self._checking or str(task.action).rpartition(".")[2] in INCLUDES:
            return
        fields = getattr(result, "task_fields", None) or getattr(result, "_task_fields", None) or {}
        # A template that was not evaluated (of a loop) may be false.
        if fields.get("check_mode", task.check_mode) is not True:
            named = {"task": task.get_name().strip(), "path": task.get_path()}
            self._write("forced", host=_host_of(result), changed=bool(result.is_changed()), **named)

    def _begin(self, iterator: Any) -> None:
        self._iterator, self._stops, self._failed_before = iterator, {}, set()

    def _stop(self, iterator: Any, host: Any) -> None:
        if host.name in self._failed_before:
            self._failed_before.discard(host.name)
            return
        if host.name in self._stops and iterator.is_failed(host):
            return  # Ansible marks some hosts twice, the second time when nothing remains
        remaining = _remaining(iterator, host)
        self._stops[host.name] = {"host": host.name, "rescued": self._rescues(host.name), "remaining": remaining}

    def _rescues(self, host: str) -> bool:
        """Whether a rescue section follows if the host fails now."""
        return bool(self._iterator.is_any_block_rescuing(self._iterator.get_state_for_host(host)))

    def _end_batch(self) -> None:
        """Write what the hosts of the batch did not get. A strategy may end early, so this is asked when it is over."""
        if self._iterator is None:
            return
        iterator, self._iterator = self._iterator, None
        excluded = {*self._unreachable, *iterator.get_failed_hosts()}
        inventory = iterator._play.get_variable_manager()._inventory
        # None is a host of `add_host` that `refresh_inventory` has dropped.
        others = [host for name in self._batch if name not in excluded and (host := inventory.get_host(name))]
        remaining = {host.name: _remaining(iterator, host) or _pending(iterator, host) for host in others}
        for name, stop in self._stops.items():  # only now: with force_handlers they run after the stop
            host = inventory.get_host(name)
            stop["remaining"] = stop["remaining"] or (_pending(iterator, host) if host else None)
        self._write("played", stops=list(self._stops.values()), remaining=remaining)

    def _write(self, kind: str, **fields: Any) -> None:
        self._file.write(json.dumps({"kind": kind, **fields}, default=str) + "\n")


def _for_each_iterator(call: Callable[[Any], None]) -> None:
    """`call(iterator)` for each new one: there is one for each batch of hosts."""
    original = PlayIterator.__init__

    @functools.wraps(original)
    def init(self: Any, *arguments: Any, **more: Any) -> None:
        original(self, *arguments, **more)
        call(self)

    PlayIterator.__init__ = init


def _before_each_mark(call: Callable[[Any, Any], None]) -> None:
    """`call(iterator, host)` before Ansible marks a host as failed, be it for a failure of another host."""
    original = PlayIterator.mark_host_failed

    @functools.wraps(original)
    def mark_host_failed(self: Any, host: Any) -> Any:
        call(self, host)
        return original(self, host)

    PlayIterator.mark_host_failed = mark_host_failed


def _remaining(iterator: Any, host: Any) -> str | None:
    """The next task that the host would get in this play; None when there is none."""
    state = iterator.get_host_state(host)  # a copy
    for _ in range(MOST_TASKS):
        if state.run_state == IteratingStates.COMPLETE:
            return None
        state, task = iterator._get_next_task_from_state(state, host)
        if task is None:
            return None
        if not task._get_meta():  # what Ansible itself does between tasks is nothing that a host gets
            return str(task.get_name()).strip()
    return "unknown"


def _pending(iterator: Any, host: Any) -> str | None:
    """The handler that the host was to get and did not: what it changed may not be in use yet. None where there is none."""
    notified = next((handler.get_name() for handler in iterator.handlers if handler.is_host_notified(host)), None)
    # Until the handlers' turn comes, Ansible has only the names under which they were notified.
    name = notified or next(iter(getattr(iterator.get_state_for_host(host.name), "handler_notifications", ())), None)
    return None if name is None else str(name).strip()


def _hosts(play: Any, *, batch: bool = False) -> list[str]:
    inventory = play.get_variable_manager()._inventory
    return [host.name for host in inventory.get_hosts(play.hosts, ignore_restrictions=not batch)]


def _hosts_of_unplayed(play: Any) -> list[str] | None:
    """The hosts of a play that never started, whose pattern may be a template; None where it cannot be resolved."""
    manager = play.get_variable_manager()
    try:
        pattern = Templar(loader=play.get_loader(), variables=manager.get_vars(play=play)).template(play.hosts)
        return [host.name for host in manager._inventory.get_hosts(pattern, ignore_restrictions=True)]
    except Exception:  # noqa: BLE001  -- whatever a variable of the play is about: its hosts stay unknown, which is reported
        return None


def _planned(play: Any, directory: str) -> int:
    """How many tasks of the play `ansible-playbook --list-tasks` names: without handlers and the gathering of facts.

    The play's files of variables may be about tags; their paths are relative to the playbook, in this directory.
    """
    loader, manager = play.get_loader(), play.get_variable_manager()
    before = loader.get_basedir()
    loader.set_basedir(play._included_path or directory)
    try:
        variables = manager.get_vars(play=play)
    finally:
        loader.set_basedir(before)
    return sum(_tasks_in(block.filter_tagged_tasks(variables)) for block in play.compile())


def _tasks_in(block: Any) -> int:
    return sum(_tasks_in(each) if isinstance(each, Block) else not _is_ansibles_own(each) for each in block.block)


def _is_ansibles_own(task: Any) -> bool:
    return bool(task.implicit) and str(task.action).rpartition(".")[2] == "meta"


def _task_of(result: Any) -> Any:
    return getattr(result, "task", None) or result._task  # before Ansible 2.19


def _host_of(result: Any) -> str:
    return str((getattr(result, "host", None) or result._host).get_name())


def _cut(res: Any) -> dict[str, Any]:
    """What explains a failure: its texts, each cut in the middle."""
    if not isinstance(res, dict):
        return {}
    if "censored" in res or res.get("_ansible_no_log") is True:
        return {"censored": True}
    cut: dict[str, Any] = {name: _text(res[name]) for name in TEXTS if res.get(name)}
    cut |= {name: res[name] for name in ("rc", "failed") if name in res}
    items = [item for item in res.get("results") or () if isinstance(item, dict) and item.get("failed")][:ITEMS]
    if items:
        label = ("_ansible_item_label", "item")
        cut["results"] = [_cut(item) | {name: _text(item[name]) for name in label if name in item} for item in items]
    return cut


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= TEXT else f"{text[: TEXT // 2]}\n…\n{text[-TEXT // 2 :]}"
