"""What scripts write to `$GITHUB_OUTPUT`: the same as bash writes, or unknown."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from sandbox.github.expressions import Incomplete, Unknown
from sandbox.github.play.outputs import written_by

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.github.expressions import Value

VARIABLES: dict[str, Value] = {
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_SHA": "0123456789abcdef",
    "WORDS": "a,b",
    "P": "x/y:z",
}
FILES = {"cells.json": b'{\n  "include": [1, "\xc3\xa9"]\n}\n', "envs/list.txt": b"one\n"}
READ = [
    'echo "a=b" >> "$GITHUB_OUTPUT"',
    "echo a=b >> $GITHUB_OUTPUT",
    "echo 'a=$GITHUB_SHA' >> ${GITHUB_OUTPUT}",
    'echo "a=${GITHUB_SHA::7}-${GITHUB_SHA:0:3}" >> $GITHUB_OUTPUT\necho "b=$P" >>"$GITHUB_OUTPUT"',
    'echo "a=${GITHUB_REF#refs/heads/}" | tee -a $GITHUB_OUTPUT >/dev/null'.replace(" >/dev/null", ""),
    'echo "a=${GITHUB_REF##*/}-${P##*:}" >> $GITHUB_OUTPUT',
    'SHORT=${GITHUB_SHA::4}\nTAG="v-$SHORT"\necho "tag=${TAG}" >> "${GITHUB_OUTPUT}"',
    'set -eu\necho "Building"\necho "a=$(cat envs/list.txt)!" >> $GITHUB_OUTPUT',
    'echo "a=[\\"x\\", \\"y\\"]" >> $GITHUB_OUTPUT',
    'echo "a=" >> $GITHUB_OUTPUT',
]
READ_WITH_JQ = [
    'echo "a=$(jq -c . cells.json)" >> $GITHUB_OUTPUT',
    "echo \"a=$(jq -cr '.' ./cells.json)\" >> $GITHUB_OUTPUT",
    'echo "a=$(jq -cR \'split(",")\' <<< "$WORDS")" >> "$GITHUB_OUTPUT"',
]
needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")


@pytest.mark.parametrize("script", [*READ, *(pytest.param(script, marks=needs_jq) for script in READ_WITH_JQ)])
def test_what_is_read_is_what_bash_writes(script: str, tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    output = tmp_path / "output"
    environment = {"PATH": os.environ["PATH"], "GITHUB_OUTPUT": str(output), "LC_ALL": "C.UTF-8"}
    texts = {name: str(value) for name, value in VARIABLES.items()}
    subprocess.run(["bash", "-ec", script], cwd=tmp_path, env=environment | texts, check=True, capture_output=True)
    written = dict(line.split("=", 1) for line in output.read_text("utf-8").splitlines())
    assert written_by(script, "GITHUB_OUTPUT", VARIABLES, FILES) == written


@pytest.mark.parametrize(
    "value",
    [
        *[
            "$(git describe)",
            "`date`",
            "$(cat nope.txt)",
            "${P/x/y}",
            "${P:-d}",
            "$(jq -c . envs/list.txt)",
            "$(jq '.a' cells.json)",
        ],
        *["$(cat cells.json | jq -c .)", "(unknown here)"],
    ],
)
def test_a_value_that_takes_a_shell_is_unknown_and_the_others_are_not(value: str) -> None:
    script = f'echo "a={value}" >> $GITHUB_OUTPUT\necho b=1 >> $GITHUB_OUTPUT'
    written = written_by(script, "GITHUB_OUTPUT", VARIABLES, FILES)
    assert isinstance(written["a"], Unknown)
    assert written["b"] == "1"


@pytest.mark.parametrize(
    "script",
    [
        "if true; then\n  echo a=b >> $GITHUB_OUTPUT\nfi",
        "for x in 1 2; do echo a=$x >> $GITHUB_OUTPUT; done",
        "test -f x && echo a=b >> $GITHUB_OUTPUT",
        "grep x y || exit 0\necho a=b >> $GITHUB_OUTPUT",
        "{\n  echo 'a<<EOF'\n  echo b\n  echo EOF\n} >> $GITHUB_OUTPUT",
        "printf 'a=%s' b >> $GITHUB_OUTPUT",
        "./bin/list.sh > $GITHUB_OUTPUT",
    ],
)
def test_a_script_that_is_not_understood_may_write_anything(script: str) -> None:
    assert isinstance(written_by(script, "GITHUB_OUTPUT", {}, {}), Incomplete)


def test_other_shells_are_not_understood_and_other_scripts_write_nothing() -> None:
    assert isinstance(
        written_by("print('a=b', file=open(os.environ['GITHUB_OUTPUT']))", "GITHUB_OUTPUT", {}, {}, "python"),
        Incomplete,
    )
    assert written_by("make", "GITHUB_OUTPUT", {}, {}) == {}
    assert written_by("echo A=1 >> $GITHUB_ENV", "GITHUB_ENV", {}, {}, "bash") == {"A": "1"}


@given(st.text(max_size=200))
def test_no_script_is_too_strange(script: str) -> None:
    written = written_by(f"{script}\necho a=b >> $GITHUB_OUTPUT", "GITHUB_OUTPUT", {}, {})
    assert isinstance(written, Incomplete) or "a" in written
