"""Attack: somebody who can write to the database, but has no SIGNALBOX_KEY, forges or removes entries of the audit log."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from bot.redaction import Redactor
from bot.seals import Keyring, new_key
from bot.store.anchors import Anchor, AnchorError, Anchors, parse, read_anchors
from bot.store.audit import FIRST_PREVIOUS, Audit, Entry, digest_of
from bot.store.audit_table import audit
from bot.store.audit_verification import Verdict, read_all, verify
from bot.store.database import Store
from bot.store.migrations import migrate
from tests.unit.bot.conftest import Clock, clock, postgres, store, url
from tests.unit.bot.store.audit_tampering import drop_triggers

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["clock", "postgres", "store", "url"]  # fixtures

KEY = new_key()
KEYRING = Keyring.read(KEY)
ROLES = """
CREATE ROLE signalbox_runtime LOGIN;
GRANT USAGE ON SCHEMA public TO signalbox_runtime;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO signalbox_runtime;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO signalbox_runtime;
REVOKE UPDATE, DELETE, TRUNCATE ON signalbox_audit FROM signalbox_runtime;
"""
DOCS = Path(__file__).parents[2] / "docs"


class Log:
    """An audit log with a key, and a file of anchors."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.audit = Audit(store, clock, Redactor(), KEYRING)
        self.anchors = Anchors(store, clock, KEYRING, "serve")
        self.lines: list[str] = []

    async def add(self, count: int) -> None:
        for number in range(count):
            self.clock.now += 1
            await self.audit.record(Entry("U0ANA", f"deploy {number}", "prod", number, {"ref": "main"}))

    async def anchor(self) -> None:
        anchor = await self.anchors.next_due("file", every=0, entries=1)
        assert anchor
        self.lines.append(anchor.line)
        await self.anchors.mark_sent("file", anchor)

    async def change(self, work: Callable[[sa.Connection], object]) -> None:
        def tampered(connection: sa.Connection) -> None:
            drop_triggers(connection)
            work(connection)

        await self.store.run(tampered)

    def verdict(self, *, anchored: bool = True, keyring: Keyring | None = KEYRING) -> Verdict:
        anchors = read_anchors(self.lines, KEYRING, strict=True) if anchored else None
        return verify(read_all(self.store.engine), keyring, anchors)


@pytest.fixture
async def log(store: Store, clock: Clock) -> Log:
    made = Log(store, clock)
    await made.add(10)
    await made.anchor()
    await made.add(10)
    await made.anchor()
    return made


def computed_anew(connection: sa.Connection, first: int, **values: Any) -> None:
    """What an attacker without the key does: change an entry, then compute every digest after it."""
    previous = FIRST_PREVIOUS
    for row in connection.execute(sa.select(audit).order_by(audit.c.number)).mappings().all():
        changed = {**row, **(values if row["number"] == first else {}), "previous": previous}
        previous = digest_of(changed)
        statement = sa.update(audit).where(audit.c.number == row["number"])
        connection.execute(statement.values({**changed, "digest": previous}))


async def test_what_is_whole_is_whole_and_says_what_is_proven(log: Log) -> None:
    verdict = log.verdict()
    assert verdict.fault == ""
    assert "2 anchors agree" in verdict.statements[0]
    await log.add(1)
    assert "Entries after 20 were not anchored yet" in log.verdict().statements[1]
    assert "Whether the newest entries were removed is not proven" in log.verdict(anchored=False).statements[0]
    assert "SIGNALBOX_KEY is not set" in log.verdict(anchored=False, keyring=None).statements[0]


@pytest.mark.parametrize(("remaining", "missing"), [(15, "entries 16 to 20 are missing"), (0, "entries 1 to 20 are missing"), (19, "entry 20 is missing")])  # fmt: skip
async def test_a_removed_end_is_found_by_the_anchor_alone(log: Log, remaining: int, missing: str) -> None:
    await log.change(lambda connection: connection.execute(sa.delete(audit).where(audit.c.number > remaining)))
    assert log.verdict(anchored=False).fault == ""
    assert log.verdict().fault.startswith(missing)
    assert "restored from an older backup" in log.verdict().fault


async def test_an_older_backup_that_was_used_again_is_found(log: Log) -> None:
    await log.change(lambda connection: connection.execute(sa.delete(audit).where(audit.c.number > 12)))
    await log.add(30)
    assert log.verdict(anchored=False).fault == ""
    assert log.verdict().fault.startswith("an entry between 11 and 20 differs from what was anchored at ")
    assert "restored from an older backup and then used" in log.verdict().fault


@pytest.mark.parametrize("values", [{"actor": "U0MAX"}, {"detail": {"ref": "evil"}}, {"at": 1.0}, {"operation": None}])
async def test_a_chain_computed_anew_is_found_without_an_anchor(log: Log, values: dict[str, Any]) -> None:
    await log.change(lambda connection: computed_anew(connection, 7, **values))
    assert log.verdict(anchored=False, keyring=None).fault == ""
    assert log.verdict(anchored=False).fault.startswith("entry 7 has a seal that no key of SIGNALBOX_KEY made")


@pytest.mark.parametrize("sealed_from", [8, 21])
async def test_seals_that_were_removed_are_found(log: Log, sealed_from: int) -> None:
    def strip(connection: sa.Connection) -> None:
        connection.execute(sa.update(audit).where(audit.c.number < sealed_from).values(seal=None))
        computed_anew(connection, 3, actor="U0MAX")

    await log.change(strip)
    assert log.verdict(anchored=False).fault.startswith("entry 1 has no seal")
    assert log.verdict().fault


async def test_a_forged_end_is_found(log: Log) -> None:
    def forge(connection: sa.Connection) -> None:
        last = connection.execute(sa.select(audit).order_by(audit.c.number.desc()).limit(1)).mappings().one()
        row = {**last, "number": 21, "actor": "U0LEE", "action": "approved", "previous": last["digest"]}
        connection.execute(sa.insert(audit).values({**row, "digest": digest_of(row)}))

    await log.store.run(forge)  # the database takes new entries from everybody who may write
    assert log.verdict(anchored=False).fault.startswith("entry 21 has a seal that no key of SIGNALBOX_KEY made")
    await log.change(
        lambda connection: connection.execute(sa.update(audit).where(audit.c.number == 21).values(seal=None))
    )
    assert log.verdict(anchored=False).fault.startswith("entry 21 has no seal")


@pytest.mark.parametrize("order", [(3, 4), (10, 11), (19, 20)])
async def test_entries_that_changed_places_are_found(log: Log, order: tuple[int, int]) -> None:
    first, second = order

    def swap(connection: sa.Connection) -> None:
        for before, after in ((first, 99), (second, first), (99, second)):
            connection.execute(sa.update(audit).where(audit.c.number == before).values(number=after))

    await log.change(swap)
    assert log.verdict(anchored=False).fault == f"entry {first} was changed"


@pytest.mark.parametrize("number", [0, -5])
async def test_an_entry_before_the_first_one_is_found(log: Log, number: int) -> None:
    move = sa.update(audit).where(audit.c.number == 1).values(number=number)
    await log.change(lambda connection: connection.execute(move))
    assert log.verdict(anchored=False).fault == f"entry {number} was changed"


async def test_anchors_of_another_database_are_named(log: Log, tmp_path: Path) -> None:
    other_store = Store(f"sqlite:///{tmp_path}/other.sqlite")
    await migrate(other_store)
    other = Log(other_store, Clock())
    other.clock.now += 5
    await other.add(30)
    other.lines = log.lines
    assert "of another database" in other.verdict().fault
    other_store.close()


async def test_anchors_that_were_cut_changed_or_forged_are_found(log: Log) -> None:
    first, second = log.lines
    forged = Anchor(**{**asdict(parse_line(second)), "number": 15}).line
    faults = {
        "anchor 1 is missing": [second],
        "line 2 of the anchors is no anchor": [first, second[:-9]],
        "line 2 of the anchors has a seal that no key": [first, forged],
        "there is no anchor": [],
    }
    for fault, lines in faults.items():
        with pytest.raises(AnchorError, match=fault):
            read_anchors(lines, KEYRING, strict=True)
    assert len(read_anchors([second, first, first], KEYRING, strict=True)) == 2  # an interrupted attempt may repeat one


async def test_a_changed_table_of_anchors_shows_in_the_anchors(log: Log) -> None:
    await log.store.run(lambda connection: connection.exec_driver_sql("DELETE FROM signalbox_audit_anchors"))
    await log.add(1)
    await log.anchor()
    with pytest.raises(AnchorError, match="two different anchors 1"):
        log.verdict()


def parse_line(line: str) -> Anchor:
    anchor = parse(line)
    assert anchor
    return anchor


async def test_a_new_key_beside_the_old_one_proves_both_and_without_the_old_one_the_entry_is_named(log: Log) -> None:
    both = Keyring.read(f"{new_key()},{KEY}")
    rotated = Audit(log.store, log.clock, Redactor(), both)
    await rotated.record(Entry("U0ANA", "after the rotation"))
    assert log.verdict(keyring=both).fault == ""
    newest_alone = verify(read_all(log.store.engine), Keyring.read(new_key()), None)
    assert newest_alone.fault.startswith("entry 1 has a seal that no key of SIGNALBOX_KEY made")
    assert "an older key is missing" in newest_alone.fault


async def test_a_forged_past_without_seals_is_not_proven_by_the_entry_that_follows(store: Store, clock: Clock) -> None:
    await Audit(store, clock, Redactor()).record(Entry("U0BOSS", "approved"))  # what the database alone can write
    log = Log(store, clock)
    await log.add(1)
    assert log.verdict(anchored=False).fault.startswith("entry 1 has no seal")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE signalbox_audit SET actor = 'U0MAX' WHERE number = 3",
        "DELETE FROM signalbox_audit WHERE number > 15",
        "DELETE FROM signalbox_audit",
        "TRUNCATE signalbox_audit",
        "INSERT OR REPLACE INTO signalbox_audit SELECT * FROM signalbox_audit WHERE number = 3",
    ],
)
async def test_the_database_refuses_to_change_or_remove_an_entry(log: Log, statement: str) -> None:
    with pytest.raises(DBAPIError) as refused:
        await log.store.run(lambda connection: connection.exec_driver_sql(statement))
    of_other_dialect = statement.startswith("TRUNCATE" if log.store.file else "INSERT OR")
    assert of_other_dialect or "never changed or removed" in str(refused.value)
    assert log.verdict().fault == ""


@pytest.mark.parametrize("url", [pytest.param("postgresql", marks=pytest.mark.needs_postgres)], indirect=True)
async def test_the_role_of_the_documentation_may_append_and_read_and_no_more(log: Log) -> None:
    assert ROLES.strip() in (DOCS / "audit-log.md").read_text()

    def create(connection: sa.Connection) -> None:
        connection.exec_driver_sql("DROP ROLE IF EXISTS signalbox_runtime")
        connection.exec_driver_sql(ROLES)

    await log.store.run(create)
    runtime = Store(log.store.engine.url.set(username="signalbox_runtime").render_as_string(hide_password=False))
    await migrate(runtime)  # nothing to do
    await Audit(runtime, log.clock, Redactor(), KEYRING).record(Entry("U0ANA", "as the runtime role"))
    assert verify(read_all(runtime.engine), KEYRING, None).fault == ""
    for statement in (
        "UPDATE signalbox_audit SET actor = 'x'",
        "DELETE FROM signalbox_audit",
        "TRUNCATE signalbox_audit",
        "ALTER TABLE signalbox_audit DISABLE TRIGGER ALL",
        "DROP TRIGGER signalbox_audit_no_change ON signalbox_audit",
        "DROP TABLE signalbox_audit",
    ):
        with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
            await runtime.run(partial(sa.Connection.exec_driver_sql, statement=statement))
    runtime.close()
    await log.store.run(
        lambda connection: connection.exec_driver_sql("DROP OWNED BY signalbox_runtime; DROP ROLE signalbox_runtime")
    )


async def test_an_anchor_is_due_after_entries_or_time_and_an_interrupted_one_comes_again(
    store: Store, clock: Clock
) -> None:
    log = Log(store, clock)
    prepare = log.anchors.next_due
    assert await prepare("file", every=60, entries=5) is None
    await log.add(1)
    first = await prepare("file", every=60, entries=5)
    await log.add(9)
    again = Anchors(store, clock, KEYRING, "serve")  # after a crash before it was recorded as sent
    assert first
    assert await again.next_due("file", every=60, entries=5) == first
    await again.mark_sent("file", first)
    second = await prepare("file", every=60, entries=5)
    assert second
    assert (second.number, second.sequence, second.previous) == (10, 2, first.seal)
    await again.mark_sent("file", second)
    await log.add(1)
    assert await prepare("file", every=60, entries=5) is None
    clock.now += 60
    assert await prepare("file", every=60, entries=5)
    assert await prepare("elsewhere", every=60, entries=5)
