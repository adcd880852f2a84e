"""What `check` has tried."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Connection:
    """One line of `check`: what was tried, whether it works, and what to do if not."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    facts: dict[str, str] = field(default_factory=dict)
