"""The script that reads a journal, run by a real shell with a journalctl that shows how it is called."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from runners.daemons.journal import MOST, NO_JOURNAL, NO_LINES, read_journal, script
from runners.errors import TimedOutError
from runners.processes.child import Output
from runners.results import Host, HostSettings
from runners.ssh.remote import REFUSED, Access

if TYPE_CHECKING:
    from pathlib import Path

HOST = Host("web-1", "web", "i-1", "10.0.0.1", "ami-1", "a")


def run(text: str, programs: Path) -> str:
    done = subprocess.run(
        ["/bin/sh", "-s"],
        input=text,
        env={"PATH": f"{programs}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def journalctl(programs: Path, body: str) -> None:
    path = programs / "journalctl"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("daemon", ["queue-daemon", "app@1.service", "x; touch taken", "$(touch taken)", "--rotate"])
def test_the_unit_is_one_argument_and_nothing_else_runs(daemon: str, tmp_path: Path) -> None:
    journalctl(tmp_path, 'printf "%s\\n" "$@"')
    words = run(script(daemon, 5), tmp_path).splitlines()
    assert words[-2:] == ["--unit", daemon]
    assert words[words.index("--lines") + 1] == "5"
    assert not (tmp_path / "taken").exists()


def test_a_long_journal_is_cut_to_its_end(tmp_path: Path) -> None:
    journalctl(tmp_path, f"head -c {MOST + 5000} /dev/zero | tr '\\0' x; echo; echo the end")
    text = run(script("queue", 5), tmp_path)
    assert len(text) == MOST
    assert text.endswith("the end\n")


def test_a_host_without_journalctl_says_so(tmp_path: Path) -> None:
    text = script("queue", 5).replace("command -v journalctl", f"command -v {tmp_path}/journalctl")
    assert run(text, tmp_path).strip() == NO_JOURNAL


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Output(0, "line\n", ""), "line"),
        (Output(0, "\n", ""), NO_LINES),
        (Output(REFUSED, "", "ssh: connect to host 10.0.0.1 port 22: Connection refused"), "(the host could not be reached: ssh: connect to host 10.0.0.1 port 22: Connection refused)"),
        (TimedOutError("reading", "no answer within 60 seconds"), "(no answer within 60 seconds)"),
    ],
)  # fmt: skip
async def test_what_a_host_answers(
    answer: Output | TimedOutError, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def respond(*_: object, **__: object) -> Output:
        if isinstance(answer, TimedOutError):
            raise answer
        return answer

    monkeypatch.setattr(Access, "run", respond)
    access = Access(tmp_path, HostSettings("deployer").inventory("staging", (HOST,)), with_key=False)
    assert await read_journal(access, HOST, "queue", 5) == text
