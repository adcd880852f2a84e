"""A secret that Terraform computes in the apply stays secret in the errors and warnings of that apply."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from runners import terraform
from runners.terraform import apply_run, masking, sensitive
from runners.terraform.computed import WITHHELD
from tests.real.terraform_support import SEARCH_PATH, applied, planned, workspace_in, write

if TYPE_CHECKING:
    from pathlib import Path

    from runners.results import ApplyResult
    from runners.terraform import Program, Workspace

pytestmark = [pytest.mark.needs_terraform, pytest.mark.needs_bwrap]

# Each computes a value in the apply, marks it somewhere, and lets it slip into the error of a command that fails.
LEAKS = {
    "an attribute": """
        resource "terraform_data" "secret" { input = sensitive("computed-${uuid()}") }
        resource "terraform_data" "user" {
          input = nonsensitive(terraform_data.secret.output)
          provisioner "local-exec" { command = "echo denied for ${self.output} >&2; exit 3" }
        }
        """,
    "within an object": """
        resource "terraform_data" "secret" { input = { open = "x", word = sensitive("computed-${uuid()}") } }
        resource "terraform_data" "user" {
          input = nonsensitive(terraform_data.secret.output.word)
          provisioner "local-exec" { command = "echo denied for ${base64encode(self.output)} >&2; exit 3" }
        }
        """,
    "an output": """
        resource "terraform_data" "secret" { input = "computed-${uuid()}" }
        output "word" {
          value     = terraform_data.secret.output
          sensitive = true
        }
        resource "terraform_data" "user" {
          input = terraform_data.secret.output
          provisioner "local-exec" { command = "echo denied for ${self.output} >&2; exit 3" }
        }
        """,
    "a warning": """
        resource "terraform_data" "secret" { input = sensitive("computed-${uuid()}") }
        check "word" {
          assert {
            condition     = nonsensitive(terraform_data.secret.output) == ""
            error_message = "denied for ${nonsensitive(terraform_data.secret.output)}"
          }
        }
        """,
}


@pytest.fixture(scope="session")
def program() -> Program:
    return asyncio.run(terraform.find_program(None, SEARCH_PATH))


def texts_of(result: ApplyResult) -> str:
    return repr((result.errors, result.warnings))


def secrets_of(workspace: Workspace) -> set[str]:
    """The computed values, from the state itself."""
    state = json.loads((workspace.directory / "terraform.tfstate").read_text())
    inputs = [instance["attributes"]["input"] for each in state["resources"] for instance in each["instances"]]
    words = [value["value"] if isinstance(value, dict) else value for value in inputs]
    return {word["word"] if isinstance(word, dict) else word for word in words}


@pytest.mark.parametrize("code", LEAKS.values(), ids=LEAKS)
async def test_what_the_apply_computes_is_masked(tmp_path: Path, program: Program, code: str) -> None:
    workspace = workspace_in(tmp_path, program)
    write(workspace, code)
    result = await applied(workspace, await planned(workspace))
    assert result.succeeded is (code == LEAKS["a warning"])
    (secret,) = secrets_of(workspace)
    assert secret.startswith("computed-")
    assert "denied for (sensitive)" in texts_of(result)
    assert secret not in texts_of(result)
    assert not (workspace.scratch / "state.json").exists()
    resumed = await terraform.resume_apply(workspace, on_progress=_ignored, timeout=60)
    assert resumed
    assert secret not in texts_of(resumed)


async def _ignored(progress: object) -> None:
    del progress


@pytest.mark.parametrize("code", LEAKS.values(), ids=LEAKS)
async def test_without_the_state_details_are_withheld(
    tmp_path: Path, program: Program, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreadable(workspace: Workspace) -> None:
        del workspace

    monkeypatch.setattr(apply_run, "secrets_in_state", unreadable)
    workspace = workspace_in(tmp_path, program)
    write(workspace, code)
    result = await applied(workspace, await planned(workspace))
    assert WITHHELD in texts_of(result)
    assert "denied for" not in texts_of(result)


async def test_without_computed_secrets_an_unreadable_state_hides_nothing(
    tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreadable(workspace: Workspace) -> None:
        del workspace

    monkeypatch.setattr(apply_run, "secrets_in_state", unreadable)
    workspace = workspace_in(tmp_path, program)
    write(
        workspace,
        LEAKS["an attribute"].replace('sensitive("computed-${uuid()}")', '"word"').replace("nonsensitive", ""),
    )
    result = await applied(workspace, await planned(workspace))
    assert "denied for word" in texts_of(result)


MARKS = st.recursive(
    st.booleans(),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=8,
)


def leaves(marks: Any, path: tuple[object, ...] = ()) -> set[tuple[object, ...]]:
    """The paths that are marked."""
    if isinstance(marks, dict):
        return {leaf for key, each in marks.items() for leaf in leaves(each, (*path, key))}
    if isinstance(marks, list):
        return {leaf for index, each in enumerate(marks) for leaf in leaves(each, (*path, index))}
    return {path} if marks else set()


@given(MARKS, MARKS)
def test_marks_overlap_where_one_is_within_the_other(first: Any, second: Any) -> None:
    pairs = [(outer, inner) for outer in leaves(first) for inner in leaves(second)]
    expected = any(outer[: len(inner)] == inner or inner[: len(outer)] == outer for outer, inner in pairs)
    assert masking.marks_overlap(first, second) is expected


def test_a_state_without_values_has_no_secrets() -> None:
    assert sensitive.sensitive_in_state(b'{"format_version": "1.0"}') == frozenset()
