"""Writes a job's log of any size like that of an image build: apt, pip, npm, composer, Ansible under Packer."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SYLLABLES = (
    "ba",
    "con",
    "dom",
    "el",
    "gra",
    "html",
    "in",
    "jpeg",
    "kit",
    "log",
    "mini",
    "net",
    "open",
    "php",
    "ro",
    "sys",
)
# A few hundred packages; the names of some resemble a failure.
_WORDS = (
    *(f"lib{item}{second}" for item in _SYLLABLES for second in _SYLLABLES),
    *("liberror-perl", "symfony/error-handler", "ca-certificates", "fail2ban", "curl"),
)
_QUIET = (
    "Get:{n} http://us-west-2.ec2.archive.ubuntu.com/ubuntu jammy-updates/main amd64 {word} amd64 {n}.4-1ubuntu0.22.04.1 [{n} kB]",
    "Selecting previously unselected package {word}.",
    "Preparing to unpack .../{n}-{word}_{n}.4-1ubuntu0.22.04.1_amd64.deb ...",
    "Unpacking {word} (2:{n}.4-1ubuntu0.22.04.1) ...",
    "Setting up {word} (2:{n}.4-1ubuntu0.22.04.1) ...",
    "Processing triggers for libc-bin (2.35-0ubuntu3.8) ...",
    "TASK [base : Install {word}] *****************************************************************",
    "\x1b[0;33mchanged: [default] => (item={word})\x1b[0m",
    "\x1b[0;32mok: [default] => (item={word})\x1b[0m",
    "npm warn deprecated {word}@{n}.0.3: this version is no longer supported, please upgrade to a newer one",
    "  - Installing {word} (v{n}.2.1): Extracting archive",
    "  Downloading {word}-{n}.1.0-py3-none-any.whl (139 kB)",
    "Requirement already satisfied: {word}>={n} in /usr/lib/python3/dist-packages (from -r requirements.txt)",
    "update-alternatives: using /usr/bin/{word} to provide /usr/bin/x ({word}) in auto mode",
)
_FAILED = (
    "E: Unable to locate package {word}-{n}",
    "/tmp/script_{n}.sh: line 12: {word}: command not found",
    "npm error 404 Not Found - GET {word}-{n}",
)


def write(path: Path, size: int, *, failed_in: int = 20_000) -> int:
    """Write about `size` bytes, always the same; returns the number of lines with a failure, one in `failed_in`."""
    chance = random.Random(4)  # noqa: S311 - no secret
    failed = written = number = 0
    with path.open("wb") as file:
        while written < size:
            number += 1
            fails = number % failed_in == 0
            failed += fails
            text = chance.choice(_FAILED if fails else _QUIET).format(
                word=chance.choice(_WORDS), n=chance.randrange(9999)
            )
            at = f"2026-11-23T12:{number // 60000 % 60:02}:{number // 1000 % 60:02}.{number % 1000:03}4567Z"
            written += file.write(f"{at}     amazon-ebs.backend: {text}\n".encode())
    return failed
