"""A cache's entries: their use, their end, and what was entries behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from runners.caches import Cache

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def aged(directory: Path, days: float) -> None:
    then = time.time() - days * 86_400
    os.utime(directory, (then, then))


def stored(cache: Cache, key: str, scratch: Path, days: float = 0) -> Path:
    scratch.mkdir(exist_ok=True)
    entry = cache.store(cache.new_part(key), key, scratch)
    aged(entry, days)
    return entry


def test_what_nobody_uses_goes_after_a_month(cache: Cache, tmp_path: Path) -> None:
    for name, days in {"recent": 1, "old": 40, "used": 40}.items():
        stored(cache, name, tmp_path / f"operation-{name}", days)
    for name in ("recent", "old"):
        shutil.rmtree(tmp_path / f"operation-{name}")
    for name, days in {"half.part-1": 2, "filling.part-2": 0}.items():
        (cache.root / name).mkdir()
        aged(cache.root / name, days)
    cache.remove_unused()
    entries = {path.name for path in cache.root.iterdir() if not path.name.endswith((".lock", ".users"))}
    assert entries == {"recent", "used", "filling.part-2"}


def test_what_a_child_left_in_an_entry_that_goes_is_removed(cache: Cache, tmp_path: Path) -> None:
    entry = stored(cache, "old", tmp_path / "operation", 40)
    deep = "i=0; while [ $i -lt 1500 ]; do mkdir d; cd d; i=$((i+1)); done"
    for script in (deep, "mkdir -p closed/empty; touch closed/file; chmod 0 closed"):
        subprocess.run(["sh", "-c", script], cwd=entry, check=True)
    aged(entry, 40)
    shutil.rmtree(tmp_path / "operation")
    cache.remove_unused()
    assert [path.name for path in cache.root.iterdir()] == [".lock"]


def test_an_old_entry_that_is_used_again_stays(cache: Cache, tmp_path: Path) -> None:
    entry = stored(cache, "a", tmp_path / "first", 40)
    shutil.rmtree(tmp_path / "first")
    (tmp_path / "second").mkdir()
    assert cache.use("a", tmp_path / "second") == entry
    shutil.rmtree(tmp_path / "second")
    cache.remove_unused()
    assert entry.is_dir(), "it was used today"
    assert cache.use("b", tmp_path / "second") is None


def test_the_first_of_two_that_fill_an_entry_is_taken(cache: Cache, tmp_path: Path) -> None:
    parts = [cache.new_part("a"), cache.new_part("a")]
    for number, part in enumerate(parts):
        (part / "who").write_text(str(number))
    for part in parts:
        assert (cache.store(part, "a", tmp_path) / "who").read_text() == "0"


def test_only_the_bot_reads_it(cache: Cache, tmp_path: Path) -> None:
    cache.root.mkdir(mode=0o777)
    cache.root.chmod(0o777)
    entry = cache.make("a", tmp_path)
    assert [path.stat().st_mode & 0o777 for path in (cache.root, entry)] == [0o700, 0o700]
