"""The files that terraform and tofu read, against the rules of OpenTofu's parser, written here as its source has them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, strategies as st

from runners.terraform.backend_code import backend_of
from runners.terraform.code_files import code_files

NAMES = st.builds(
    "{}{}{}".format,
    st.sampled_from(["main", "a.b", "x_override", ".hidden", "#draft", "tofu", ""]),
    st.sampled_from([".tf", ".tf.json", ".tofu", ".tofu.json", ".tfvars", ".tofutest.hcl", ".TF", ".tf.tofu"]),
    st.sampled_from(["", "", "", "~", "#", ".bak"]),
)


def _extension(name: str, kind: str) -> str:
    return next((end for end in (f".{kind}", f".{kind}.json") if name.endswith(end)), "")


def _as_opentofu(names: set[str]) -> set[str]:
    """dirFiles, then filterTfPathsWithTofuAlternatives, for the files that are no tests."""
    read = {
        name
        for name in names
        if not (name.startswith(".") or name.endswith("~") or (name.startswith("#") and name.endswith("#")))
        and (_extension(name, "tf") or _extension(name, "tofu"))
    }
    relevant = set()
    for name in read:
        extension = _extension(name, "tf")
        other = name[: len(name) - len(extension)] + extension.replace(".tf", ".tofu")
        if not extension or other not in read:
            relevant.add(name)
    return relevant


@given(st.sets(NAMES, max_size=8))
def test_each_program_reads_its_own_files(names: set[str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        for name in names:
            (Path(directory) / name).touch()
        read = {
            program: [path.name for path in code_files(Path(directory), program)] for program in ("terraform", "tofu")
        }
    assert read["tofu"] == sorted(_as_opentofu(names))
    assert read["terraform"] == sorted(_as_opentofu({name for name in names if not _extension(name, "tofu")}))


def test_the_backend_is_that_of_the_files_that_the_program_reads(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('terraform {\n  backend "remote" {\n    organization = "acme"\n  }\n}\n')
    (tmp_path / "main.tofu").write_text('terraform {\n  backend "s3" {}\n}\n')
    kinds = {program: backend_of(tmp_path, tmp_path, program) for program in ("terraform", "tofu")}
    assert {program: backend.kind for program, backend in kinds.items() if backend} == {
        "terraform": "remote",
        "tofu": "s3",
    }


def test_a_directory_that_does_not_exist_has_no_code(tmp_path: Path) -> None:
    assert code_files(tmp_path / "missing", "tofu") == []
