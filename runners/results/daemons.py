"""What is seen of daemons on hosts."""

from __future__ import annotations

from dataclasses import dataclass

from runners.stored import stored


@stored("daemon-observation")
@dataclass(frozen=True, slots=True)
class DaemonObservation:
    """One daemon on one host. `problem` is empty when it runs exactly once and stays.

    `age` is for how many seconds its process has run, None when there is not one process; `did` what was done about a
    problem ("stopped and started because ..."), empty when nothing was. Of a host that was not `reached` nothing is known.
    One that is `stuck` does not stop, and somebody has to end it by hand.
    """

    host: str
    machine: str
    daemon: str
    problem: str = ""
    instances: int = 0
    age: float | None = None
    did: str = ""
    reached: bool = True
    stuck: bool = False

    @property
    def ok(self) -> bool:
        """Whether it is as it should be."""
        return not self.problem

    @property
    def doubled(self) -> bool:
        """Whether it runs more than once, so that work may be done twice."""
        return self.instances > 1
