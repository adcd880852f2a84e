"""What a check found, gathered: one line that all is well, or a line for each thing that is not."""

from __future__ import annotations

from dataclasses import dataclass, field

from runners.results import Connection


@dataclass(slots=True)
class Findings:
    """Facts and problems of one connection."""

    name: str
    facts: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)

    def note(self, fact: str) -> None:
        """Something that is as it should be, worth a word in the line."""
        self.facts.append(fact)

    def fail(self, problem: str, remedy: str = "") -> None:
        """Something that is not; `remedy` is what to do."""
        self.problems.append((problem, remedy))

    def connections(self) -> list[Connection]:
        """A line for each problem, or one for all that is well."""
        if self.problems:
            return [Connection(self.name, ok=False, detail=what, remedy=remedy) for what, remedy in self.problems]
        return [Connection(self.name, ok=True, detail=", ".join(self.facts))]
