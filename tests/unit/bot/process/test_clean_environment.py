"""The second execution has all variables of the first, and its initial environment only public ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from bot.process import clean_environment

ROOT = Path(__file__).parents[4]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
PROGRAM = """
import json, os, sys
from bot.process import clean_environment
clean_environment.establish()
with open("/proc/self/environ", "rb") as file:
    initial = dict(one.split(b"=", 1) for one in file.read().split(b"\\0") if one)
forms = [{k.hex(): v.hex() for k, v in variables.items()} for variables in (os.environb, initial)]
json.dump({"forms": forms, "arguments": sys.argv, "flags": sys.flags.dont_write_bytecode, "pid": os.getpid(),
           "files": os.listdir("/proc/self/fd")}, sys.stdout)
"""
BYTES = st.binary(max_size=40).map(lambda value: value.replace(b"\0", b""))
NAMES = BYTES.map(lambda name: b"X" + name.replace(b"=", b""))
PUBLIC = {b"PATH": os.environb.get(b"PATH", b""), b"LC_ALL": b"C.UTF-8"}


def run(variables: dict[bytes, bytes], *arguments: str) -> tuple[dict[str, Any], int]:
    argv = [sys.executable, "-B", "-c", PROGRAM, *arguments]
    with subprocess.Popen(argv, cwd=ROOT, env=variables, stdout=subprocess.PIPE) as process:
        output, _ = process.communicate()
    assert process.returncode == 0
    return json.loads(output), process.pid


def in_hex(variables: dict[bytes, bytes]) -> dict[str, str]:
    return {name.hex(): value.hex() for name, value in variables.items()}


@settings(max_examples=10)  # each starts Python twice
@given(st.dictionaries(NAMES, BYTES, max_size=30))
def test_every_variable_arrives_and_none_is_in_the_initial_environment(secrets: dict[bytes, bytes]) -> None:
    result, pid = run({**PUBLIC, **secrets}, "serve", "--config", "a b")
    after, initial = result["forms"]
    assert after == in_hex({**PUBLIC, **secrets})
    assert set(initial) - {clean_environment.HANDED_OVER.hex()} == set(in_hex(PUBLIC))
    assert (result["arguments"], result["flags"], result["pid"]) == (["-c", "serve", "--config", "a b"], 1, pid)
    assert sorted(result["files"]) == ["0", "1", "2", "3"], "3 lists the directory"


def test_a_large_environment_arrives() -> None:
    secrets = {b"X%d" % number: b"y" * 100_000 for number in range(10)}
    assert run({**PUBLIC, **secrets})[0]["forms"][0] == in_hex({**PUBLIC, **secrets})


def test_without_variables_to_move_it_does_not_execute_again() -> None:
    after, initial = run(PUBLIC)[0]["forms"]
    assert after == initial == in_hex(PUBLIC)


@pytest.mark.parametrize("descriptor", ["0", "99", "-1"])
def test_a_descriptor_of_another_kind_is_refused(descriptor: str) -> None:
    argv = [sys.executable, "-c", PROGRAM]
    variables = {**PUBLIC, clean_environment.HANDED_OVER: descriptor.encode()}
    done = subprocess.run(argv, cwd=ROOT, env=variables, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 1


def test_no_name_of_a_secret_is_public() -> None:
    from bot.settings import FROM_FILES  # noqa: PLC0415  -- only this test needs it

    assert [name for name in FROM_FILES if clean_environment.is_public(name.encode())] == []
