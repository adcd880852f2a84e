"""The audit log as CSV: other programs read the same values, spreadsheets calculate nothing, digests can be computed."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.settings import database_url
from bot.store.audit import Entry, StoredEntry, digest_of, fields_of
from bot.store.audit_export import COLUMNS, FORMULA, write_csv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres_server import PostgresServer

nasty = st.sampled_from(
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\uff1d1",
        'a"b',
        "a,b",
        "a\nb",
        "a\r\nb",
        "'=1",
        "",
    ]
)
text = nasty | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
entries = st.builds(
    Entry,
    actor=text,
    action=text,
    environment=text,
    operation=st.none() | st.integers(1, 10**6),
    detail=st.dictionaries(text, text | st.integers() | st.dictionaries(text, text, max_size=2), max_size=3),
)


def stored(entry: Entry, number: int = 1) -> StoredEntry:
    row = {"number": number, "at": 1_700_000_000.25, "previous": "0" * 64, **fields_of(entry)}
    return StoredEntry(number, row["at"], entry, row["previous"], digest_of(row), "s" * 43)


def exported(*items: Entry) -> str:
    file = io.StringIO(newline="")
    write_csv([stored(item, number) for number, item in enumerate(items, 1)], file)
    return file.getvalue()


def original(cell: str, value: str) -> str:
    """The value of a cell: what had to get an apostrophe has one, and nothing else."""
    begins = unicodedata.normalize("NFKC", value[:1])
    return cell.removeprefix("'") if begins and begins in "=+-@\t\r\n" else cell


@given(st.lists(entries, max_size=4))
def test_each_value_is_read_back_and_the_digest_can_be_computed(items: list[Entry]) -> None:
    rows = list(csv.DictReader(io.StringIO(exported(*items), newline=""), strict=True))
    assert len(rows) == len(items)
    for row, item in zip(rows, items, strict=True):
        assert json.loads(row["detail"]) == item.detail
        for name in ("actor", "action", "environment"):
            value = getattr(item, name)
            assert row[name] in (value, f"'{value}")
        assert row["operation"] == ("" if item.operation is None else str(item.operation))


@given(st.lists(entries, min_size=1, max_size=4))
def test_no_cell_is_a_formula(items: list[Entry]) -> None:
    cells = [cell for row in csv.reader(io.StringIO(exported(*items), newline="")) for cell in row]
    assert not [cell for cell in cells if cell[:1] in FORMULA or unicodedata.normalize("NFKC", cell[:1]) in FORMULA]


def test_lines_end_as_rfc_4180_says_and_the_heading_names_every_column() -> None:
    text = exported(Entry("U0ANA", "deploy", "prod", 7, {"actor_name": "Ana", "ref": "main"}))
    head, line, end = text.split("\r\n")
    assert head.split(",") == list(COLUMNS)
    assert line.startswith("1,2023-11-14T22:13:20Z,1700000000.25,U0ANA,Ana,deploy,prod,7,")
    assert end == ""


def test_what_begins_with_a_digit_or_a_sign_of_a_number_is_only_changed_where_it_is_text() -> None:
    [row] = csv.DictReader(io.StringIO(exported(Entry("U0ANA", "-5", "x", -5)), newline=""))
    assert (row["action"], row["operation"]) == ("'-5", "-5")


@pytest.mark.needs_postgres
@given(st.lists(entries, min_size=1, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_postgresql_reads_the_same(copied: sa.Engine, items: list[Entry]) -> None:
    with copied.begin() as connection:
        connection.exec_driver_sql("TRUNCATE copied")
        cursor: Any = connection.connection.cursor()
        with cursor.copy("COPY copied FROM STDIN WITH (FORMAT csv, HEADER match)") as copy:
            copy.write(exported(*items).encode())
        rows = connection.exec_driver_sql("SELECT * FROM copied ORDER BY number::int").all()
    whole = list(csv.reader(io.StringIO(exported(*items), newline="")))[1:]
    assert [[cell or "" for cell in row] for row in rows] == whole
    for row, item in zip(rows, items, strict=True):
        values = row._mapping
        names = ("actor", "action", "environment")
        texts = {name: original(values[name] or "", getattr(item, name)) for name in names}
        operation = int(values["operation"]) if values["operation"] else None
        entry = {"number": int(values["number"]), "at": float(values["at"]), "previous": values["previous"], **texts}
        assert digest_of({**entry, "operation": operation, "detail": json.loads(values["detail"])}) == values["digest"]


@pytest.fixture(scope="module")
def copied(postgres: PostgresServer) -> Iterator[sa.Engine]:
    """A database with a table for the export."""
    engine = sa.create_engine(database_url(postgres.new_database(), ""))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE copied ({', '.join(f'{name} text' for name in COLUMNS)})")
    yield engine
    engine.dispose()
