"""Every table has a bound, in the code and on the page about retention."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import bot.store
from bot.store.database import metadata
from bot.store.retention import BOUNDS, WORKING, Bound

PAGE = Path(__file__).parents[4] / "docs/retention.md"

for module in pkgutil.iter_modules(bot.store.__path__, "bot.store."):
    importlib.import_module(module.name)  # each defines its tables


def test_every_table_has_a_bound() -> None:
    assert set(BOUNDS) == set(metadata.tables)


def test_the_page_lists_every_table_with_its_bound() -> None:
    listed = re.findall(r"^\| `(signalbox_\w+)` \| (\w+): ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    assert dict(listed) == {name: bound.value for name, bound in BOUNDS.items()}
    assert len(listed) == len(BOUNDS)


def test_what_is_deleted_with_an_operation_is_found_by_its_number() -> None:
    for table in WORKING:
        assert BOUNDS[table.name] is Bound.RETENTION
        # The first column of an index: else each batch would read the whole table.
        firsts = {next(iter(table.primary_key)).name, *(next(iter(each.columns)).name for each in table.indexes)}
        uniques = [each for each in table.constraints if each.__visit_name__ == "unique_constraint"]
        firsts |= {next(iter(each.columns)).name for each in uniques}  # type: ignore[attr-defined]
        assert "operation" in firsts, table.name
