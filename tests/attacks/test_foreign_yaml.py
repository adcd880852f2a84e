"""YAML of a branch that becomes more than it is: aliases of aliases, numbers in base 60, files that are too large."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, strategies as st

from runners import foreign_yaml
from runners.ansible.requirements import find
from runners.errors import RunnerError

if TYPE_CHECKING:
    from pathlib import Path

MEMORY = 1 << 30
TIME = 8.0  # seconds, with the start of Python
_LISTS = "".join(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 10))
_MERGES = "".join(f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 10)}]}}\n" for level in range(1, 10))
_TEXTS = f"a: &a {'x' * 100_000}\nb: &b [{', '.join(['*a'] * 1_000)}]\n"
BOMBS = {
    "a role": f"a0: &a0 [x]\n{_LISTS}roles: [*a9]\n",
    "an included file": f"a0: &a0 [x]\n{_LISTS}roles: [{{include: *a9}}]\n",
    "merged keys": f"a0: &a0 {{x: 1}}\n{_MERGES}roles: []\n",
    "a long text": f"{_TEXTS}roles: [*b]\n",
    "base 60": f"roles: [1{':1' * 300_000}]\n",
}
_READ = """
import pathlib, resource, sys
from runners.ansible.requirements import find
from runners.errors import RunnerError
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
try:
    find(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[1]))
except RunnerError as error:
    print(error)
"""


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_small_file_fills_neither_memory_nor_time(bomb: str, tmp_path: Path) -> None:
    (tmp_path / "requirements.yml").write_text(BOMBS[bomb])
    argv = (sys.executable, "-c", _READ, str(tmp_path), str(MEMORY))
    answer = subprocess.run(argv, capture_output=True, text=True, timeout=TIME, check=True)
    assert answer.stdout.startswith("reading requirements.yml: ")


@pytest.mark.parametrize(
    "text", ["!!bool x", "!!timestamp x", '!!int ""', "!!float x", "&a [*a]", "2001-99-99", "{[]: 1}"]
)
def test_values_that_contradict_their_tags_are_refused_in_words(text: str, tmp_path: Path) -> None:
    (tmp_path / "requirements.yml").write_text(f"roles: [{text}]\n")
    with pytest.raises(RunnerError):
        find(tmp_path, tmp_path)


@pytest.mark.parametrize("name", ["requirements.yml", "ansible.cfg"])
def test_of_a_large_file_only_the_start_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "requirements.yml").write_text("roles: [a.b]\n")
    with (tmp_path / name).open("r+b" if name == "requirements.yml" else "wb") as file:
        file.truncate(1 << 40)  # a sparse file: nothing could hold it in memory
    with pytest.raises(RunnerError, match="larger than"):
        find(tmp_path, tmp_path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, VALUES)
def test_ordinary_documents_are_read_as_pyyaml_reads_them(shared: Any, other: Any) -> None:
    text = yaml.safe_dump({"first": shared, "again": shared, "all": [shared, other, shared]})  # dumps with aliases
    assert foreign_yaml.load(text) == yaml.safe_load(text)
