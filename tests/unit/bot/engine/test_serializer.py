"""The stored form of values: read as it was written, also by a version whose classes have changed since."""

from __future__ import annotations

import json
import pickle
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from bot.engine import serializer
from bot.engine.serializer import NotStorableError, UnexpectedError, UnreadableError
from bot.errors import Cancelled, ConfigError, Denied, Fault, UserError
from bot.slack.blocks.kit import Message
from bot.slack.web_api import ChatError
from bot.store.approvals import Approval, Outcome, Vote
from bot.store.operations import Record, Request, Status
from handlers.deploy.views import Release
from runners import stored as registry
from runners.errors import StateLockedError, UnavailableError
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
from runners.stored import STORED_CLASSES, STORED_NAMES, stored

# The stored forms of an earlier version, by name. After the first release change no entry: an entry that is no longer
# read as the value below is an operation that a new version loses.
# `python -m tests.unit.bot.engine.test_serializer` prints today's forms.
EARLIER = Path(__file__).parents[3] / "data" / "stored_values.json"
AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
COMMIT = Commit("o/r", "a1b2c3d4" * 5, "main", "Raise the queue's memory", "Lee Park", "https://github.com/o/r/c/1")
LOCKED = StateLockedError("planning", "locked", lock_id="L-1", who="u@host", created=AT, remedy="Wait.", exit_code=1)
VALUES: dict[str, object] = {
    "request": Request("k", "plan", "dev", "U0ANA", "Plan for dev", "#dev", {"ref": "main"}),
    "record": Record(7, "plan", "dev", "U0ANA", "Plan", {}, "C1", "1.5", Status.APPROVAL, "waits", 1.0, None),
    "approval": Approval(
        "ID", 7, "dev", "b" * 64, "U0ANA", "C1", "1.5", 1, "dev", Outcome.PENDING, 1.0, 2.0,
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
    "inputs": {"args": (AT, 7), "kwargs": {}},
}  # fmt: skip
ERRORS: dict[str, Exception] = {
    "locked": LOCKED,
    "unavailable": UnavailableError("reading", "no answer", retry_at=AT, log_tail="the end"),
    "denied": Denied("not you"),
    "cancelled": Cancelled("cancelled by <@U0LEE>"),
    "chat": ChatError("chat.update", "channel_not_found"),
    "configuration": ConfigError("signalbox.yaml", (Fault(3, "slack.channel", "is missing"),)),
}


class Kind(StrEnum):
    """Of a value."""

    A = "a"


@dataclass(frozen=True, slots=True)
class First:
    """A class as it was."""

    name: str
    kind: Kind
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Second:
    """The same class later: a field was removed, two were added, and the order is another."""

    kind: Kind
    name: str
    labels: tuple[str, ...] = ("none",)
    more: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Third:
    """And later still, with a field that an older value cannot have."""

    name: str
    needed: str


class Older(Exception):  # noqa: N818  -- an error of an earlier version
    """An error as it was."""


class Newer(Exception):  # noqa: N818
    """The same error later: it has an attribute more."""

    def __init__(self, text: str, *, remedy: str = "Wait.") -> None:
        super().__init__(text)
        self.remedy = remedy


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, type]:
    """The registry, as it was again after the test."""
    monkeypatch.setattr(registry, "STORED_CLASSES", STORED_CLASSES)
    for name, kind in (("kind", Kind), ("first", First), ("older", Older)):
        monkeypatch.setitem(STORED_CLASSES, name, kind)
        monkeypatch.setitem(STORED_NAMES, kind, name)
    return STORED_CLASSES


@pytest.fixture
def older(names: dict[str, type]) -> str:
    return serializer.pack((First("backend", Kind.A, removed=5),))


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_read_as_it_was_stored(name: str) -> None:
    assert serializer.unpack(serializer.pack(VALUES[name])) == VALUES[name]


@pytest.mark.parametrize("name", VALUES)
def test_a_value_of_an_earlier_version_is_read(name: str) -> None:
    assert serializer.unpack(json.loads(EARLIER.read_text())[name]) == VALUES[name]


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_read_with_all_its_attributes(name: str) -> None:
    error = ERRORS[name]
    for text in (serializer.pack(error), json.loads(EARLIER.read_text())[name]):
        again = serializer.unpack(text)
        assert type(again) is type(error)
        assert (vars(again), again.args, str(again)) == (vars(error), error.args, str(error))


@pytest.mark.parametrize(
    "value",
    [
        None,
        [1, 2.5, "é\ud800\0", True, float("inf")],
        {"$class": "commit", "sha": 1},
        {1: "one", (2, 3): {"two"}, Status.RUNNING: b"\xff"},
        timedelta(days=-1, microseconds=3),
        date(2026, 3, 2),
        datetime(2026, 3, 2, 10, 0, 0, 5),  # noqa: DTZ001  -- a naive time stays naive
        Decimal("0.10"),
        Path("/var/signalbox"),
        10**40,
    ],
)
def test_a_built_in_value_is_read_with_its_type(value: Any) -> None:
    again = serializer.unpack(serializer.pack(value))
    assert (again, type(again)) == (value, type(value))


def test_an_error_that_is_not_registered_is_read_with_its_class_and_text() -> None:
    again = serializer.unpack(serializer.pack(KeyError("staging")))
    assert isinstance(again, UnexpectedError)
    assert str(again) == "builtins.KeyError: 'staging'"


def test_a_class_whose_fields_have_changed_takes_what_it_has(older: str, names: dict[str, type]) -> None:
    names["first"] = Second
    (again,), (other,) = serializer.unpack(older), serializer.unpack(older)
    assert again == Second(Kind.A, "backend", ("none",), [])
    again.more.append("a list of its own")
    assert other.more == []


def test_a_field_that_is_needed_and_was_not_stored_is_named(older: str, names: dict[str, type]) -> None:
    names["first"] = Third
    with pytest.raises(UnreadableError, match="Third was stored without needed, which has no default"):
        serializer.unpack(older)


def test_an_error_that_has_an_attribute_more_takes_its_default(names: dict[str, type]) -> None:
    text = serializer.pack(Older("late"))
    names["older"] = Newer
    again = serializer.unpack(text)
    assert (str(again), again.remedy) == ("late", "Wait.")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"$class":"removed-class"}', "of the class 'removed-class', which this version does not have"),
        ('{"$class":["a"]}', "unhashable"),
        ('{"$class":"operation-status","value":"running"}', "'operation-status' as '\\$class', which it is not"),
        ('{"$error":"commit","args":[],"attributes":{}}', "'commit' as '\\$error', which it is not"),
        ('{"$enum":"operation-status","value":"paused"}', "'paused' is not a valid Status"),
        ('{"$import":"os"}', "of the class 'os'"),
        ('{"$datetime":"soon"}', "soon"),
        ("{", "Expecting property name"),
        (b64encode(pickle.dumps(Status.RUNNING)).decode(), "the stored value cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        serializer.unpack(text)


@pytest.mark.parametrize("value", [lambda: None, object(), First("a", Kind.A), Kind.A, ({"a": [First("a", Kind.A)]},)])
def test_a_value_of_a_class_that_is_not_registered_is_not_stored(value: object) -> None:
    with pytest.raises(NotStorableError, match=r"cannot be stored; register the class: @stored\("):
        serializer.pack(value)


def test_a_subclass_of_a_registered_class_is_not_stored_as_it() -> None:
    class LouderError(UserError):
        """Not registered."""

    assert type(serializer.unpack(serializer.pack(LouderError("!")))) is UnexpectedError


def test_a_name_belongs_to_one_class() -> None:
    with pytest.raises(ValueError, match="First cannot be stored as 'commit': Commit is"):
        stored("commit")(First)


if __name__ == "__main__":
    packed = {name: serializer.pack(value) for name, value in {**VALUES, **ERRORS}.items()}
    print(json.dumps(packed, indent=1))  # noqa: T201  -- a command line prints
