"""Which task of a playbook is which: numbered as they begin, and how many there are in all."""

from __future__ import annotations

import re
from typing import Any

from runners.ansible.output import ANSI

# What `callback/signalbox_outcomes.py` prints, first of all.
_PLANNED = re.compile(r"signalbox: (\d{1,6}) tasks")
_GATHERING = "Gathering Facts"


def planned(text: str) -> int | None:
    """How many tasks our callback plugin counted, where this is what it prints of them.

    It leaves out handlers and the gathering of facts, as `ansible-playbook --list-tasks` does.
    """
    match = _PLANNED.fullmatch(ANSI.sub("", text).strip())
    return int(match[1]) if match else None


class Numbering:
    """Tasks are numbered from 1 in the order in which they begin, whatever host they begin on."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._planned = 0
        self._unplanned = 0

    def plan(self, count: int) -> None:
        """There are so many tasks that are known before they begin."""
        self._planned = count

    @property
    def begun(self) -> int:
        """How many tasks have begun."""
        return len(self._numbers)

    @property
    def total(self) -> int:
        """How many there are in all, as far as that is known; 0 when nothing was planned."""
        return max(self._planned + self._unplanned, self.begun) if self._planned else 0

    def begin(self, data: dict[str, Any], *, unplanned: bool = False) -> None:
        """A task begins, perhaps again: some strategies announce it for each host. `unplanned`: it was not counted before."""
        identity = str(data.get("task_uuid") or f"{len(self._numbers)}")
        if identity not in self._numbers:
            self._numbers[identity] = len(self._numbers) + 1
            self._unplanned += unplanned or data.get("task") == _GATHERING

    def number(self, data: dict[str, Any]) -> int:
        """The number of the task that an event is about; the newest one's where it does not say."""
        return self._numbers.get(str(data.get("task_uuid")), len(self._numbers))
