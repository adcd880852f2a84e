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
        ("{zzz: 1}", ".zzz", "unknown key; write a mapping with `workflow` or `playbook`"),
        ("{limts: {memory_mb: 300}}", ".limts", "is no setting; did you mean `limits`?"),
        ("{x: {environment: dev}}", ".x", "a custom operation needs `workflow` or `playbook`"),
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


ANSIBLE = {
    "machines": "[backend, cron, sftp]",
    "deploy": "{ansible: {directory: p, playbook: d.yml, user: u, tags: [a], extra_vars: {b: c}, secret_vars: {s: S}}}",
}


def test_a_playbook_runs_as_the_deploys_of_its_environment_with_its_own_file_tags_and_inputs() -> None:
    own = "{x: {playbook: 'r-{machine}.yml', environment: dev, machines: [sftp, backend], fixed_inputs: {e: f}}}"
    config = read(text_of({"operations": own}, ANSIBLE))
    custom = config.operations.custom["x"]
    settings = config.playbook_settings(custom)
    assert settings
    assert (settings.playbook, settings.ref, settings.tags) == ("r-{machine}.yml", "main", ())
    assert (settings.user, settings.extra_vars, settings.secret_vars) == ("u", {"b": "c", "e": "f"}, {"s": "S"})
    assert config.machines_of(custom) == ("backend", "sftp")
    all_machines = custom.model_copy(update={"machines": ()})
    assert config.machines_of(all_machines) == ("backend", "cron", "sftp")
    assert config.playbook_settings(custom.model_copy(update={"playbook": None})) is None


@pytest.mark.parametrize(
    ("written", "key", "words"),
    [
        ("workflow: a.yml", "", "has a `workflow` and a `playbook`; keep one"),
        ("mark_input: m", ".mark_input", "is only for operations with a `workflow`; remove it"),
        ("machines: [bakend]", ".machines", "did you mean `backend`?"),
        ("inputs: [b]", ".inputs", "b is also in deploy.ansible.extra_vars; keep one"),
        ("fixed_inputs: {s: x}", ".fixed_inputs", "s is also in deploy.ansible.secret_vars; keep one"),
        ("inputs: [ansible_host]", ".inputs", "it decides how playbooks run"),
        ("fixed_inputs: {a-b: x}", ".fixed_inputs", "is no variable of Ansible"),
        ("tags: ['a b']", ".tags[0]", "is not a tag of tasks"),
    ],
)
def test_what_is_wrong_with_a_playbook_is_said(written: str, key: str, words: str) -> None:
    text = text_of({"operations": f"{{x: {{playbook: p.yml, environment: dev, {written}}}}}"}, ANSIBLE)
    assert_faulted(text, f"operations.x{key}", words)


def test_a_playbook_needs_machines_and_a_workflow_takes_none() -> None:
    text = text_of({"operations": "{x: {playbook: p.yml, environment: dev}}"}, {})
    assert_faulted(text, "operations.x.playbook", "needs an environment with `deploy.ansible`")
    text = text_of({"operations": "{x: {workflow: w.yml, environment: dev, tags: [a]}}"}, {})
    assert_faulted(text, "operations.x.tags", "is only for operations with a `playbook`")
