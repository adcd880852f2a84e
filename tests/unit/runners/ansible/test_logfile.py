"""The file of what Ansible printed."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from runners.ansible import logfile
from runners.ansible.logfile import LogFile, read_log

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_it_is_begun_anew_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    for _ in range(2):
        log = LogFile(path)
        log.write("TASK [Write]")
        log.write("ok: [a]")
        log.close()
    assert read_log(path) == "TASK [Write]\nok: [a]\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_log_that_was_never_begun_is_empty(tmp_path: Path) -> None:
    LogFile(tmp_path / "log.txt").close()
    assert read_log(tmp_path / "log.txt") == ""


def test_what_is_too_long_is_shown_by_its_beginning_and_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfile, "LONGEST", 40)
    (tmp_path / "log.txt").write_text("begin" + "x" * 100 + "end")
    rendered = read_log(tmp_path / "log.txt")
    assert rendered.startswith("beginxxxxx\n… 68 bytes are left out here …\n")
    assert rendered.endswith("xend")


def test_a_log_without_end_is_cut_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfile, "LARGEST", 10)
    log = LogFile(tmp_path / "log.txt")
    for _ in range(5):
        log.write("0123456")
    log.close()
    assert read_log(tmp_path / "log.txt") == "0123456\n0123456\n(3 more lines are left out)\n"


def test_where_it_cannot_be_written_the_run_goes_on(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "missing" / "log.txt")
    log.write("one")
    log.write("two")
    log.close()
    assert read_log(tmp_path / "missing" / "log.txt") == ""
