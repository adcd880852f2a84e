"""The audit log for other programs: entries as JSON and as CSV."""

from __future__ import annotations

import csv
import json
import unicodedata
from typing import TYPE_CHECKING, Any

from bot.store.audit import ACTOR_NAME, fields_of, iso_time

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from bot.store.audit import StoredEntry

COLUMNS = (
    *("number", "time", "at", "actor", ACTOR_NAME, "action", "environment", "operation", "detail"),
    *("previous", "digest", "seal"),
)
# Spreadsheets read a cell that begins with one of these as a formula (owasp.org/www-community/attacks/CSV_Injection).
FORMULA = frozenset("=+-@\t\r\n")


def as_json(stored: StoredEntry) -> dict[str, Any]:
    """An entry as JSON for other programs: everything that its digest covers, the digest and the seal.

    `time` repeats `at` for people; the digest does not cover it.
    """
    return {
        "number": stored.number,
        "at": stored.at,
        "time": iso_time(stored.at),
        **fields_of(stored.entry),
        "previous": stored.previous,
        "digest": stored.digest,
        "seal": stored.seal,
    }


def write_csv(entries: Iterable[StoredEntry], file: TextIO) -> None:
    """Write the entries as CSV (RFC 4180) with a heading; `detail` is a cell of JSON.

    A text that a spreadsheet would calculate gets an apostrophe in front.
    """
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    writer.writerows(map(_cells, entries))


def write_json(entries: Iterable[StoredEntry], file: TextIO) -> None:
    """Write the entries as lines of JSON. A value that only somebody else can have written is described."""
    file.writelines(f"{json.dumps(as_json(stored), default=repr)}\n" for stored in entries)


def _cells(stored: StoredEntry) -> list[str]:
    values = as_json(stored)
    detail = values["detail"]
    values[ACTOR_NAME] = detail.get(ACTOR_NAME) if isinstance(detail, dict) else None
    values["detail"] = json.dumps(detail, default=repr)
    return [_cell(values[name]) for name in COLUMNS]


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    # SQLite's shell and some spreadsheets end a cell at a NUL.
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    # Their full-width forms are read as formulas as well.
    begins = unicodedata.normalize("NFKC", text[:1])
    return f"'{text}" if isinstance(value, str) and begins in FORMULA else text
