"""What is kept of values: read as it was written, also by a version whose classes have changed since."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import pytest

from bot.engine import serializer
from bot.slack.blocks.kit import Message
from bot.store.approvals import Approval, Outcome, Vote
from bot.store.operations import Record, Request, Status
from handlers.deploy.views import Release
from runners.errors import StateLockedError
from runners.results import (
    AttributeChange,
    Change,
    Commit,
    HostResult,
    Image,
    Job,
    PlanSummary,
    PlaybookResult,
    ResourceChange,
    State,
    WorkflowRun,
)  # fmt: skip

# As an earlier version kept them, by name. Add to it, and change no entry: one that is no longer read right is an
# operation that a new version loses. `python -m tests.unit.bot.engine.test_serializer` prints what the present one would add.
EARLIER = Path(__file__).parents[3] / "data" / "kept.json"
HERE = sys.modules[__name__]
AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
COMMIT = Commit("o/r", "a1b2c3d4" * 5, "main", "Raise the queue's memory", "Lee Park", "https://github.com/o/r/c/1")
LOCKED = StateLockedError("planning", "locked", lock_id="L-1", who="u@host", created=AT, remedy="Wait.", exit_code=1)
VALUES: dict[str, object] = {
    "request": Request("k", "plan", "dev", "U0ANA", "Plan for dev", "#dev", {"ref": "main"}),
    "record": Record(7, "plan", "dev", "U0ANA", "Plan", {}, "C1", "1.5", Status.APPROVAL, "waits", 1.0, None),
    "approval": Approval(
        "ID", 7, "dev", "b" * 64, "U0ANA", "C1", "1.5", 1, "dev", Outcome.PENDING, 1.0, 2.0, None,
        (Vote("U0LEE", "approved", 1.5),),
    ),
    "plan": PlanSummary(
        digest="d" * 64, program="Terraform 1.11.4", resources=2, changes=(
            ResourceChange("a.b", "a", Change.REPLACE, (AttributeChange("ami", "1", "2", forces_replacement=True),)),
        ),
    ),
    "run": WorkflowRun(
        "o/r", 5, 31, 1, "deploy.yml", COMMIT.sha, State.RUNNING, "https://github.com/o/r", AT,
        (Job(1, "backend", State.RUNNING, "https://github.com/o/r", AT, None, "Deploy"),), None,
    ),
    "playbook": PlaybookResult("deploy-backend.yml", State.FAILED, (HostResult("backend-1", State.UNREACHABLE),)),
    "release": Release(COMMIT, "`9f8e7d6` The one before", "Ansible"),
    "message": Message("plain", ({"type": "divider"},)),
    "image": Image("ami-1", "staging-1"),
    "several": (COMMIT, None, {"when": AT, "of": frozenset({1})}),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_read_as_it_was_kept(name: str) -> None:
    assert serializer.unpack(serializer.pack(VALUES[name])) == VALUES[name]


@pytest.mark.parametrize("name", VALUES)
def test_what_an_earlier_version_kept_is_read(name: str) -> None:
    assert serializer.unpack(json.loads(EARLIER.read_text())[name]) == VALUES[name]


def test_an_error_is_kept_with_all_that_it_tells() -> None:
    earlier = json.loads(EARLIER.read_text())["locked"]
    for again in (serializer.unpack(serializer.pack(LOCKED)), serializer.unpack(earlier)):
        assert isinstance(again, StateLockedError)
        assert vars(again) == vars(LOCKED)


class Kind(StrEnum):
    """Of a value."""

    A = "a"


@dataclass(frozen=True, slots=True)
class First:
    """A class as it was."""

    name: str
    kind: Kind
    gone: int = 0


@dataclass(frozen=True, slots=True)
class Second:
    """The same class later: a field is gone, two have come, and the order is another."""

    kind: Kind
    name: str
    notes: tuple[str, ...] = ("none",)
    more: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Third:
    """And later still, with a field that nobody can know of an older value."""

    name: str
    needed: str


@pytest.fixture
def older() -> str:
    return serializer.pack((First("backend", Kind.A, gone=5),))


def test_a_class_whose_fields_have_changed_takes_what_it_knows(older: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HERE, "First", Second)
    (again,) = serializer.unpack(older)
    assert again == Second(Kind.A, "backend", ("none",), [])


def test_a_class_that_moved_is_found(older: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(HERE, "First")
    monkeypatch.setitem(serializer.MOVED, f"{__name__}:First", f"{__name__}:Second")
    assert isinstance(serializer.unpack(older)[0], Second)


def test_a_field_that_is_needed_and_was_not_kept_is_named(older: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HERE, "First", Third)
    with pytest.raises(TypeError, match="Third was kept without needed, which has no default"):
        serializer.unpack(older)


def test_each_list_that_is_added_is_its_own(older: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HERE, "First", Second)
    one, other = serializer.unpack(older)[0], serializer.unpack(older)[0]
    one.more.append("word")
    assert other.more == []


def test_what_cannot_be_kept_is_said_at_once() -> None:
    with pytest.raises((AttributeError, TypeError), match=r"lambda|pickle"):
        serializer.pack(lambda: None)


if __name__ == "__main__":
    packed = {name: serializer.pack(value) for name, value in {**VALUES, "locked": LOCKED}.items()}
    print(json.dumps(packed, indent=1))  # noqa: T201  -- a command line prints
