"""Which task of a playbook is which: numbered as they begin, and how many there are in all."""

from __future__ import annotations

import re
from typing import Any

# A line of `ansible-playbook --list-tasks`: six spaces, the task's name, its tags.
_LISTED = re.compile(r"^ {6}(\S.*)\tTAGS: ", re.MULTILINE)
_GATHERING = "Gathering Facts"


def listed(text: str) -> int:
    """How many tasks `ansible-playbook --list-tasks` has named. It leaves out handlers and the gathering of facts."""
    return len(_LISTED.findall(text))


class Numbering:
    """Tasks are numbered from 1 in the order in which they begin, whatever host they begin on."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._planned = 0
        self._unplanned = 0

    def plan(self, count: int) -> None:
        """So many tasks were listed."""
        self._planned = count

    @property
    def begun(self) -> int:
        """How many tasks have begun."""
        return len(self._numbers)

    @property
    def total(self) -> int:
        """How many there are in all, as far as that is known; 0 when nothing was listed."""
        return max(self._planned + self._unplanned, self.begun) if self._planned else 0

    def begin(self, data: dict[str, Any], *, unplanned: bool = False) -> None:
        """A task begins, perhaps again: some strategies announce it for each host. `unplanned`: it was not listed."""
        identity = str(data.get("task_uuid") or f"{len(self._numbers)}")
        if identity not in self._numbers:
            self._numbers[identity] = len(self._numbers) + 1
            self._unplanned += unplanned or data.get("task") == _GATHERING

    def number(self, data: dict[str, Any]) -> int:
        """The number of the task that an event is about; the newest one's where it does not say."""
        return self._numbers.get(str(data.get("task_uuid")), len(self._numbers))
