"""The findings of a check: one line without problems, else a line for each problem."""

from __future__ import annotations

from dataclasses import dataclass, field

from runners.results import Connection

NOTE = "note"  # the name of a line that is neither ok nor a failure


@dataclass(slots=True)
class Findings:
    """Facts and problems of one connection."""

    name: str
    facts: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)

    def add_fact(self, fact: str) -> None:
        """Add a fact to the line of a check without problems."""
        self.facts.append(fact)

    def add_problem(self, problem: str, remedy: str = "") -> None:
        """Add a problem; `remedy` is what to do."""
        self.problems.append((problem, remedy))

    def connections(self) -> list[Connection]:
        """A line for each problem, or one line of facts without a problem."""
        if self.problems:
            return [Connection(self.name, ok=False, detail=problem, remedy=remedy) for problem, remedy in self.problems]
        return [Connection(self.name, ok=True, detail=", ".join(self.facts))]
