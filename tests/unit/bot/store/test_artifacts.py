"""Artifacts in each kind of place: what is stored is read, nothing else is, and nothing stays of what is over."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.errors import ForgedError
from bot.store import artifact_places
from bot.store.annotations import Annotations
from bot.store.artifacts import Artifacts
from runners.errors import RunnerError
from tests.migrated import migrated
from tests.unit.bot.store.artifact_kinds import KEYRING, RENEWED, ROTATED, WHAT, Kind, each_kind, kind, s3

__all__ = ["kind", "s3"]  # fixtures


@each_kind
async def test_what_is_stored_is_read_under_its_name_alone(kind: Kind) -> None:
    stored = kind.opened()
    await stored.put(7, "plan", b"seven", WHAT)
    await stored.put(7, "log of backend", b"log", WHAT)
    await stored.put(8, "plan", b"eight", WHAT)
    assert await stored.get(7, "plan", WHAT) == b"seven"
    assert await stored.get(7, "log of backend", WHAT) == b"log"
    assert await stored.get(8, "plan", WHAT) == b"eight"
    assert await stored.get(9, "plan", WHAT) is None
    assert await stored.get(7, "plans", WHAT) is None
    await stored.put(7, "plan", b"", WHAT)
    assert await stored.get(7, "plan", WHAT) == b""
    assert not any(b"eight" in str(each).encode() for each in kind.objects())


@each_kind
async def test_any_content_is_read_as_it_was_stored(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact_places, "PART", 64)
    stored = kind.opened()
    for size in (0, 1, 19, 20, 63, 64, 65, 128, 700, 100_000):
        content = os.urandom(size)
        await stored.put(7, "plan", content, WHAT)
        assert await stored.get(7, "plan", WHAT) == content, size  # a shorter one leaves no part of a longer one
        await stored.put(7, "plan", content[: size // 2], WHAT)
        assert await stored.get(7, "plan", WHAT) == content[: size // 2]


@given(content=st.binary(max_size=2_000), data=st.data())
def test_a_changed_bit_is_refused_in_the_database(content: bytes, data: st.DataObject, tmp_path_factory: Any) -> None:
    async def work() -> None:
        store = await migrated(f"sqlite:///{tmp_path_factory.mktemp('flip')}/signalbox.sqlite", KEYRING)
        kind = Kind("database", store, tmp_path_factory.getbasetemp(), None)
        await kind.opened().put(7, "plan", content, WHAT)

        def flip(stored: bytes) -> bytes:
            bit = data.draw(st.integers(0, 8 * len(stored) - 1))
            return stored[: bit // 8] + bytes([stored[bit // 8] ^ 1 << bit % 8]) + stored[bit // 8 + 1 :]

        kind.exchange(flip)
        with pytest.raises(ForgedError, match=r"^The saved plan of #7 does not verify"):
            await kind.opened().get(7, "plan", WHAT)
        store.close()

    asyncio.run(work())


@each_kind
@pytest.mark.parametrize(
    "change",
    [lambda _: b"", lambda content: content[:-1], lambda content: content + b"x", lambda content: content[::-1]],
    ids=["emptied", "cut", "longer", "reversed"],
)
async def test_what_somebody_changed_is_refused(kind: Kind, change: Any) -> None:
    await kind.opened().put(7, "plan", b"plan", WHAT)
    kind.exchange(change)
    with pytest.raises(ForgedError):
        await kind.opened().get(7, "plan", WHAT)


@each_kind
async def test_the_artifact_of_another_operation_is_refused(kind: Kind) -> None:
    stored = kind.opened()
    place = kind.place(KEYRING)
    await stored.put(7, "plan", b"a plan that nobody approved", WHAT)
    await stored.put(8, "plan", b"the approved one", WHAT)
    await place.put(8, "plan", await place.get(7, "plan") or b"")
    with pytest.raises(ForgedError, match=r"^The saved plan of #8 does not verify"):
        await stored.get(8, "plan", WHAT)


@each_kind
async def test_keys_are_rotated(kind: Kind) -> None:
    await kind.opened().put(7, "plan", b"old", WHAT)
    assert await kind.opened(ROTATED).get(7, "plan", WHAT) == b"old"
    await kind.opened(ROTATED).put(7, "plan", b"new", WHAT)
    assert await kind.opened(ROTATED).get(7, "plan", WHAT) == b"new"
    assert await kind.opened(RENEWED).get(7, "plan", WHAT) == b"new"
    await kind.opened(ROTATED).delete(7)
    assert not kind.objects()


@each_kind
async def test_a_key_that_is_no_longer_there_reads_nothing(kind: Kind) -> None:
    await kind.opened().put(7, "plan", b"old", WHAT)
    if kind.name == "database":
        with pytest.raises(ForgedError, match="SIGNALBOX_KEY lacks the key"):
            await kind.opened(RENEWED).get(7, "plan", WHAT)
    else:  # the folder of another key is another installation's
        assert await kind.opened(RENEWED).get(7, "plan", WHAT) is None


@each_kind
async def test_deleting_leaves_no_version_and_nobody_elses(kind: Kind) -> None:
    stored = kind.opened()
    for content in (b"one", b"two", b"three"):
        await stored.put(7, "plan", content, WHAT)
        await stored.put(70, "plan", content, WHAT)
    await stored.delete(7)
    await stored.delete(7)
    await stored.delete(12)
    assert await stored.get(7, "plan", WHAT) is None
    assert await stored.get(70, "plan", WHAT) == b"three"
    assert await kind.place(KEYRING).operations() == {70}


@each_kind
async def test_a_sweep_deletes_what_is_over_and_nothing_of_another_installation(kind: Kind) -> None:
    stored, others = kind.opened(), kind.opened(RENEWED)
    for number in (1, 2, 3):
        await stored.put(number, "plan", b"x", WHAT)
    if kind.name != "database":
        await others.put(1, "plan", b"of others", WHAT)

    async def open_numbers() -> frozenset[int]:
        return frozenset({2, 4})

    assert await stored.sweep(open_numbers) == 2
    assert await stored.get(2, "plan", WHAT) == b"x"
    assert await kind.place(KEYRING).operations() == {2}
    assert await stored.sweep(open_numbers) == 0
    if kind.name != "database":
        assert await others.get(1, "plan", WHAT) == b"of others"


@each_kind
async def test_what_is_stored_while_a_sweep_lists_stays(kind: Kind) -> None:
    stored = kind.opened()
    await stored.put(1, "plan", b"x", WHAT)

    async def open_numbers() -> frozenset[int]:
        await stored.put(5, "plan", b"begun meanwhile", WHAT)
        return frozenset()

    assert await stored.sweep(open_numbers) == 1
    assert await stored.get(5, "plan", WHAT) == b"begun meanwhile"


@each_kind
async def test_too_large_an_artifact_is_refused_in_words(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    place = kind.place(KEYRING)
    monkeypatch.setattr(type(place), "most", 3 << 20, raising=False)
    place = kind.place(KEYRING)
    if kind.name == "bucket":
        place.most = 3 << 20  # type: ignore[misc]
    stored = Artifacts(KEYRING, place, Annotations(kind.store, lambda: 0.0))
    with pytest.raises(RunnerError, match=r"storing the saved plan of #7: the saved plan has 4 MB, more than the 3 MB"):
        await stored.put(7, "plan", bytes((3 << 20) + 1), WHAT)
    assert not kind.objects()


@each_kind
async def test_two_processes_that_store_the_same_leave_one_whole(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact_places, "PART", 1_000)
    contents = [bytes([number]) * (5_000 + 2_000 * number) for number in range(4)]
    await asyncio.gather(*(kind.opened().put(7, "plan", content, WHAT) for content in contents))
    assert await kind.opened().get(7, "plan", WHAT) in contents
