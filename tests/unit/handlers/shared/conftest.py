"""Short times for the search of runs."""

from __future__ import annotations

import pytest

from handlers.shared import run_choice, run_search


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_search, "APPEARS_WITHIN", 1.5)
    monkeypatch.setattr(run_search, "TURN_WITHIN", 3.0)
    monkeypatch.setattr(run_search, "PAUSE", 0.1)
    monkeypatch.setattr(run_choice, "CHECK_INTERVAL", 0.05)
