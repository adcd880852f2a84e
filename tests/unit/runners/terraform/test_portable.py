"""A packed plan: what init and the plan made in the code is there again elsewhere, and nothing is written outside of it."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from runners.errors import RunnerError
from runners.terraform import portable
from runners.terraform.planning import PLAN_FILE

if TYPE_CHECKING:
    from pathlib import Path

DOING = "storing the saved plan of #7"
NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=30).filter(
    lambda name: name not in (".", "..")
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


def tree(root: Path, files: dict[str, bytes]) -> bool:
    """Write these files; whether the system takes these names, none of them twice or below another."""
    for name, content in files.items():
        path = root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                return False
            path.write_bytes(content)
        except OSError:
            return False
    return True


def read(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@given(
    fetched=st.dictionaries(PATHS, st.binary(max_size=20), max_size=5),
    made=st.dictionaries(PATHS, st.binary(max_size=20), max_size=5),
    plan=st.binary(min_size=1, max_size=50),
)
def test_code_elsewhere_is_as_it_was_when_the_plan_was_made(
    fetched: dict[str, bytes], made: dict[str, bytes], plan: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.mktemp("portable")
    here, there, scratch, other = (base / name for name in ("here", "there", "scratch", "other"))
    for directory in (here, there, scratch, other):
        directory.mkdir()
    if not tree(here, fetched) or not tree(there, fetched):
        return
    before = portable.files_in(here)
    for name, content in made.items():
        if (here / name).is_file():
            (here / name).write_bytes(content)  # the plan changes a file of the code
        elif not tree(here, {name: content}):
            return
    (scratch / PLAN_FILE).write_bytes(plan)
    (scratch / "sensitive.json").write_text('["word"]')
    packed = portable.pack(scratch, here, before, DOING)
    portable.unpack_code(packed, there, DOING)
    assert read(there) == read(here)
    portable.unpack_plan(packed, other, DOING, with_plan=False)
    assert read(other) == {"sensitive.json": b'["word"]'}
    portable.unpack_plan(packed, other, DOING, with_plan=True)
    assert read(other) == {"sensitive.json": b'["word"]', PLAN_FILE: plan}
    assert portable.has_plan(other, hashlib.sha256(plan).hexdigest())
    assert not portable.has_plan(other, hashlib.sha256(plan + b"x").hexdigest())
    assert {path.stat().st_mode & 0o777 for path in other.iterdir()} == {0o600}


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("code", "scratch"):
        (tmp_path / name).mkdir()
    (tmp_path / "scratch" / PLAN_FILE).write_bytes(b"plan")
    return tmp_path / "code", tmp_path / "scratch"


def test_programs_stay_programs_and_what_is_unchanged_is_not_packed(places: tuple[Path, Path], tmp_path: Path) -> None:
    code, scratch = places
    (code / "main.tf").write_text("# code")
    before = portable.files_in(code)
    (code / "made.sh").write_text("#!/bin/sh")
    (code / "made.sh").chmod(0o755)
    packed = portable.pack(scratch, code, before, DOING)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert archive.getnames() == ["code/made.sh", PLAN_FILE]
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    portable.unpack_code(packed, fresh, DOING)
    assert os.access(fresh / "made.sh", os.X_OK)


def test_links_and_pipes_of_a_plan_are_neither_packed_nor_followed(places: tuple[Path, Path], tmp_path: Path) -> None:
    code, scratch = places
    (tmp_path / "outside").write_text("secret of the machine")
    (code / "link").symlink_to(tmp_path / "outside")
    (code / "folder").symlink_to(tmp_path)
    os.mkfifo(code / "pipe")
    with tarfile.open(fileobj=io.BytesIO(portable.pack(scratch, code, {}, DOING))) as archive:
        assert archive.getnames() == [PLAN_FILE]
    (scratch / PLAN_FILE).unlink()
    (scratch / PLAN_FILE).symlink_to(tmp_path / "outside")
    with pytest.raises(RunnerError, match="storing the saved plan of #7: a file cannot be read"):
        portable.pack(scratch, code, {}, DOING)
    assert not portable.has_plan(scratch, hashlib.sha256(b"secret of the machine").hexdigest())


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", "link/out", ""])
def test_no_path_leads_out_of_the_code(places: tuple[Path, Path], tmp_path: Path, name: str) -> None:
    code, _ = places
    (code / "link").symlink_to(tmp_path)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(f"code/{name}")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(RunnerError):
        portable.unpack_code(packed.getvalue(), code, DOING)
    assert not (tmp_path / "out").exists()


def test_a_plan_that_made_too_much_is_applied_only_where_it_was_made(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, scratch = places
    for number in range(3):
        (code / f"module-{number}").write_bytes(b"x" * 100)
    for limit, value in (("MOST_FILES", 2), ("MOST_MADE", 299)):
        with monkeypatch.context() as patch:
            patch.setattr(portable, limit, value)
            packed = portable.pack(scratch, code, {}, DOING)
            with pytest.raises(RunnerError, match="only the machine that made it could apply it"):
                portable.unpack_code(packed, code, DOING)
    assert len(portable.pack(scratch, code, {}, DOING)) > 300
