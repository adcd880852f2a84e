"""A rotation's decisions: which key makes room, which stores are whole after a refusal, and what is nobody's to delete."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, strategies as st

from bot.config.models.secrets import KeyPlace, RotatedKey
from bot.errors import UserError
from handlers.secrets import places, rotation
from runners.aws.keys import NewKey
from runners.errors import AccessDeniedError, RunnerError, UncertainError
from runners.results.secrets import Keeper, Rotation, SecretEntry, Written

if TYPE_CHECKING:
    from runners.aws.client import Account
    from tests.unit.handlers.conftest import Desk

AT = datetime(2026, 1, 2, tzinfo=UTC)
KEY = NewKey("AKIANEW", "canary-secret")
PLACES = (
    KeyPlace(github="KEY_ID", value="id"),
    KeyPlace(github="KEY"),
    KeyPlace(parameter="/id", value="id"),
    KeyPlace(parameter="/key"),
)
SETTINGS = RotatedKey(user="build", environment="staging", places=PLACES)


def key(name: str, *, used: bool = True, note: str = "") -> SecretEntry:
    return SecretEntry(Keeper.IAM, name, "build", AT, AT if used else None, note=note)


def test_the_unused_one_of_two_keys_makes_room() -> None:
    assert rotation._choose([], "build") == ("", "", "")
    assert rotation._choose([key("A")], "build") == ("A", "", "")
    assert rotation._choose([key("A", note="inactive"), key("B")], "build") == ("B", "A", "it is inactive")
    assert rotation._choose([key("A"), key("B", used=False)], "build") == ("A", "B", "it was never used")
    for both in ([key("A"), key("B")], [key("A", used=False), key("B", used=False)]):
        with pytest.raises(UserError, match="cannot tell which one is unused"):
            rotation._choose(both, "build")


class Operation:
    """Notes what the audit log gets."""

    def __init__(self, desk: Desk) -> None:
        self.services: Any = desk.services
        self.number, self.notes = 1, list[str]()
        self.environment = desk.config.environments["staging"]

    async def annotate(self, action: str, **detail: str) -> None:
        self.notes.append(f"{action} {detail}")


@pytest.mark.parametrize("refused", [(), ("KEY",), ("KEY_ID",), ("/key", "KEY_ID"), ("/id", "/key", "KEY", "KEY_ID")])
async def test_a_store_that_refuses_the_secret_keeps_the_old_key_whole(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, refused: tuple[str, ...]
) -> None:
    held: dict[str, str] = {}

    async def write(_: object, __: object, place: KeyPlace, value: str) -> None:
        name = str(place.github or place.parameter)
        if name in refused:
            raise AccessDeniedError("writing", "forbidden", remedy="Allow it.")
        held[name] = value

    monkeypatch.setattr(places, "write", write)
    operation = Operation(desk)
    results = await rotation._write(cast("Any", operation), SETTINGS, KEY)
    stores = (("KEY_ID", "KEY"), ("/id", "/key"))
    for store, (id_of, secret_of) in zip(stores, (results[:2], results[2:]), strict=True):
        mixed = (store[0] in held) != (store[1] in held)
        assert {id_of.broken, secret_of.broken} == {mixed}
        assert not mixed or store[0] in refused, "the id was written without its secret"
    assert {place.place for place in results if not place.problem} == {
        places.name_of(desk.config, place) for place in PLACES if str(place.github or place.parameter) in held
    }
    assert KEY.secret not in repr(results) + repr(operation.notes) + repr(KEY)


async def test_a_place_that_does_not_answer_is_written_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[RunnerError | None] = [UncertainError("writing", "the connection broke"), None]

    async def write(*_: object) -> None:
        if problem := answers.pop(0):
            raise problem

    monkeypatch.setattr(places, "write", write)
    monkeypatch.setattr(rotation, "WRITE_PAUSES", (0.0,))
    assert not (await rotation._written(cast("Any", Operation(desk)), PLACES[0], KEY)).problem
    assert answers == []


ROTATION = Rotation("build-key", "build", "", "", "", (), "", 1.0)


async def test_a_key_that_somebody_else_made_is_nobodys_to_delete(desk: Desk, account: Account) -> None:
    iam = account.client("iam")
    iam.create_user(UserName="build")
    old = iam.create_access_key(UserName="build")["AccessKey"]["AccessKeyId"]
    other = iam.create_access_key(UserName="build")["AccessKey"]["AccessKeyId"]
    operation, of_old = cast("Any", Operation(desk)), replace(ROTATION, old=old)

    def ids() -> set[str]:
        return {each["AccessKeyId"] for each in iam.list_access_keys(UserName="build")["AccessKeyMetadata"]}

    with pytest.raises(UserError, match="nobody approved to replace"):
        await rotation._make_room(operation, of_old)
    await desk.annotations.add(1, rotation.ATTEMPT, str(datetime.now(UTC).timestamp() - 3_600))
    with pytest.raises(UserError, match="nobody approved to replace"):
        await rotation._make_room(operation, of_old)
    assert ids() == {old, other}
    await desk.annotations.add(1, rotation.ATTEMPT, str(datetime.now(UTC).timestamp()))
    await rotation._make_room(operation, of_old)
    assert ids() == {old}
    with pytest.raises(UserError, match="is missing by now"):
        await rotation._make_room(operation, replace(ROTATION, old="AKIAGONE"))


@given(st.data())
def test_each_part_of_what_is_approved_changes_the_binding(data: st.DataObject) -> None:
    base = Rotation("n", "u", "o", "x", "why", ("a", "b"), "w.yml", 7.0)
    field = data.draw(st.sampled_from(["name", "user", "old", "unused", "workflow"]))
    given_text: Any = {field: data.draw(st.text(max_size=8))}
    changed = replace(base, **given_text)
    assert (changed.binding == base.binding) == (changed == base)
    assert replace(base, places=("ab",)).binding != base.binding
    assert replace(base, grace=8.0).binding != base.binding


def test_a_written_place_is_no_secret() -> None:
    assert Written("x") == Written("x", "", "", broken=False)
    assert SimpleNamespace(key=KEY).__repr__().find("canary") == -1
