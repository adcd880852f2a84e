"""What was found out of a commit before anybody approves: sentences for the approvers, and the hosts that it would change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.stored import stored

if TYPE_CHECKING:
    from runners.results import Host


@stored("examined")
@dataclass(frozen=True, slots=True)
class Examined:
    """`notices` are sentences of mrkdwn. `hosts` are those that approvers see; empty where no host is reached by name, or they are read later."""

    notices: tuple[str, ...] = ()
    hosts: tuple[Host, ...] = ()

    @classmethod
    def of(cls, stored_value: Examined | tuple[str, ...] | None) -> Examined:
        """The value of a step, which was only the notices in an earlier version."""
        return stored_value if isinstance(stored_value, Examined) else cls(tuple(stored_value or ()))
