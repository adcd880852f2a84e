"""Custom operations: any key of `operations` that is no setting, and what is wrong with one."""

from __future__ import annotations

import pytest

from bot.config import read
from tests.unit.bot.config.test_faults import assert_faulted, text_of


def test_eight_lines_are_an_operation_beside_the_settings() -> None:
    text = """
  queue_limit: 7
  restart-web:
    workflow: restart.yml
    environment: dev
    inputs: [service]
    description: Restart a web service
"""
    operations = read(text_of({"operations": text}, {})).operations
    assert operations.queue_limit == 7
    assert list(operations.custom) == ["restart-web"]
    own = operations.custom["restart-web"]
    assert (own.workflow, own.environment, own.ref, list(own.inputs)) == ("restart.yml", "dev", "main", ["service"])
    assert read(text_of({}, {})).operations.custom == {}


@pytest.mark.parametrize(
    ("written", "key", "words"),
    [
        ("{directry: x}", ".directry", "unknown key; did you mean `directory`?"),
        ("{zzz: 1}", ".zzz", "unknown key; write a mapping with `workflow`"),
        ("{limts: {memory_mb: 300}}", ".limts", "is no setting; did you mean `limits`?"),
        ("{x: {environment: dev}}", ".x", "a custom operation needs `workflow`"),
        ("{x: {workflow: a.yml}}", ".x.environment", "is missing"),
        ("{x: {workflow: a.yml, environment: dve}}", ".x.environment", "did you mean `dev`?"),
        ("{x: {workflow: a.yml, environment: dev, input: [a]}}", ".x.input", "did you mean `inputs`?"),
        ("{x: {workflow: a/b.yml, environment: dev}}", ".x.workflow", "is a path"),
        ("{X y: {workflow: a.yml, environment: dev}}", ".X y", "is not a valid name"),
        (
            "{x: {workflow: a.yml, environment: dev, inputs: [a], fixed_inputs: {a: b}}}",
            ".x.inputs",
            "also in fixed_inputs",
        ),
        ("{x: {workflow: a.yml, environment: dev, inputs: [a], mark_input: a}}", ".x.mark_input", "also in inputs"),
        (f"{{x: {{workflow: a.yml, environment: dev, description: {'a' * 201}}}}}", ".x.description", "is too long"),
    ],
)
def test_what_is_wrong_is_said(written: str, key: str, words: str) -> None:
    assert_faulted(text_of({"operations": written}, {}), f"operations{key}", words)
