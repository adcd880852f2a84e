"""The zip of a run's logs is taken apart with care: it is a file from elsewhere."""

from __future__ import annotations

import io
import os
import re
import stat
import struct
import zipfile
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from runners.errors import RunnerError
from runners.logs import archive
from runners.logs.archive import job_logs

if TYPE_CHECKING:
    from pathlib import Path


def packed(files: dict[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return raw.getvalue()


async def unpacked(raw: bytes, directory: Path) -> tuple[archive.JobLog, ...]:
    path = directory / "logs.zip"
    path.write_bytes(raw)
    into = directory / "jobs"
    into.mkdir(exist_ok=True)
    return await job_logs(path, into)


async def test_each_jobs_log_is_a_file_in_the_runs_order(tmp_path: Path) -> None:
    files = {f"{n}_build ({n}, dev).txt": b"log %d\n" % n for n in (10, 2, 1)}
    found = await unpacked(packed({**files, "build (1, dev)/1_Use actions/checkout.txt": b"x"}), tmp_path)
    assert [one.job for one in found] == ["build (1, dev)", "build (2, dev)", "build (10, dev)"]
    assert [one.path.read_bytes() for one in found] == [b"log 1\n", b"log 2\n", b"log 10\n"]
    assert {stat.S_IMODE(one.path.stat().st_mode) for one in found} == {0o600}
    assert len(list((tmp_path / "jobs").iterdir())) == 3


async def test_a_zip_without_logs_is_none(tmp_path: Path) -> None:
    assert await unpacked(packed({}), tmp_path) == ()


@pytest.mark.parametrize(
    "raw",
    [b"", b"no zip at all" * 100, packed({"0_a.txt": b"x" * 1000})[:-30]],
    ids=["nothing", "something else", "a zip cut short"],
)
async def test_what_is_no_zip_is_named(raw: bytes, tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="no zip, or a broken one"):
        await unpacked(raw, tmp_path)


async def test_a_zip_that_points_outside_of_itself_is_named(tmp_path: Path) -> None:
    raw = bytearray(packed({"0_a.txt": b"x"}))
    struct.pack_into("<I", raw, len(raw) - 22 + 16, 1000)  # where its list of files is said to begin
    with pytest.raises(RunnerError, match=r"a broken one \(it points outside of itself\)"):
        await unpacked(bytes(raw), tmp_path)


async def test_a_zip_with_names_that_are_no_text_is_named(tmp_path: Path) -> None:
    raw = packed({"0_\u00e9.txt": b"x"}).replace("\u00e9".encode(), b"\xff\xff")
    with pytest.raises(RunnerError, match=r"a broken one .*can't decode"):
        await unpacked(raw, tmp_path)


async def test_a_way_of_packing_that_is_not_known_here_is_refused(tmp_path: Path) -> None:
    raw = bytearray(packed({"0_a.txt": b"x" * 100}))
    entry = raw.index(b"PK\x01\x02")
    struct.pack_into("<H", raw, entry + 10, 77)
    with pytest.raises(RunnerError, match="not known here") as caught:
        await unpacked(bytes(raw), tmp_path)
    assert "on GitHub" in caught.value.remedy


async def test_a_damaged_log_is_named(tmp_path: Path) -> None:
    raw = bytearray(packed({"0_a.txt": bytes(range(256)) * 50}))
    raw[60] ^= 0xFF
    with pytest.raises(RunnerError, match="broken"):
        await unpacked(bytes(raw), tmp_path)


@pytest.mark.parametrize("name", ["../0_a.txt", "/0_a.txt", "a/../../b", "..\\0_a.txt", "/".join("abcdefghijk")])
async def test_names_that_lead_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="outside"):
        await unpacked(packed({name: b"x"}), tmp_path)


async def test_a_bomb_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="packed tighter"):
        await unpacked(packed({"0_a.txt": bytes(40_000_000)}), tmp_path)
    assert list((tmp_path / "jobs").iterdir()) == []


async def test_more_files_than_any_run_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_ENTRIES", 3)
    with pytest.raises(RunnerError, match="more files"):
        await unpacked(packed({f"{n}_a.txt": b"" for n in range(4)}), tmp_path)


async def test_a_list_that_lies_about_its_length_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = bytearray(packed({f"{n}_a.txt": b"" for n in range(9)}))
    struct.pack_into("<HH", raw, len(raw) - 22 + 8, 1, 1)
    monkeypatch.setattr(archive, "MOST_ENTRIES", 3)
    with pytest.raises(RunnerError, match=r"more files|broken"):
        await unpacked(bytes(raw), tmp_path)


async def test_the_64_bit_form_is_refused(tmp_path: Path) -> None:
    raw = packed({"0_a.txt": b"x"})
    locator = b"PK\x06\x07" + bytes(16)
    with pytest.raises(RunnerError, match="more files"):
        await unpacked(raw[:-22] + locator + raw[-22:], tmp_path)


async def test_files_that_overlap_are_refused(tmp_path: Path) -> None:
    raw = packed({"0_a.txt": bytes(range(256)) * 40})
    entry = raw.index(b"PK\x01\x02")
    end = raw.index(b"PK\x05\x06")
    again = raw[entry:end] * 20
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 20, 20, len(again), entry, 0)
    with pytest.raises(RunnerError, match="overlap"):
        await unpacked(raw[:entry] + again + tail, tmp_path)


async def test_logs_larger_than_any_run_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST_TOTAL", 1000)
    with pytest.raises(RunnerError, match="larger than any"):
        await unpacked(packed({"0_a.txt": b"x" * 600, "1_a.txt": b"x" * 600}), tmp_path)


async def test_a_log_that_is_longer_than_it_says_is_never_written_whole(tmp_path: Path) -> None:
    raw = bytearray(packed({"0_a.txt": b"x" * 100_000}))
    for found in list(re.finditer(rb"PK\x01\x02", raw)):
        struct.pack_into("<I", raw, found.start() + 24, 10)
    with pytest.raises(RunnerError, match=r"larger than it says|broken"):
        await unpacked(bytes(raw), tmp_path)
    assert all(one.stat().st_size <= 10 for one in (tmp_path / "jobs").iterdir())


async def test_encrypted_logs_are_refused(tmp_path: Path) -> None:
    raw = bytearray(packed({"0_a.txt": b"x"}))
    struct.pack_into("<H", raw, raw.index(b"PK\x01\x02") + 8, 1)
    with pytest.raises(RunnerError, match="encrypted"):
        await unpacked(bytes(raw), tmp_path)


async def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "logs.zip"
    path.write_bytes(packed({"0_a.txt": b"x"}))
    with pytest.raises(RunnerError, match="cannot keep"):
        await job_logs(path, tmp_path / "nowhere")


async def test_a_zip_that_is_not_there_is_no_fault_of_githubs(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="cannot read what was downloaded: No such file"):
        await job_logs(tmp_path / "nothing.zip", tmp_path)


async def test_a_full_disk_is_no_fault_of_githubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        return os.open("/dev/full", os.O_WRONLY)

    monkeypatch.setattr("runners.logs.archive.os", SimpleNamespace(**vars(os) | {"open": full}))
    with pytest.raises(RunnerError, match="cannot keep them: No space left"):
        await unpacked(packed({"0_a.txt": b"x"}), tmp_path)
