"""Inputs that a person may give, in their three forms, and what is wrong with them."""

from __future__ import annotations

import pytest

from bot.config import read
from bot.config.models.inputs import CommandInput
from tests.unit.bot.config.test_faults import assert_faulted, text_of

ANY = CommandInput()


def actions(inputs: str, more: str = "") -> dict[str, str]:
    return {"deploy": f"{{github_actions: {{workflow: d.yml, command_inputs: {inputs}{more}}}}}"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("[version, dry-run]", {"version": ANY, "dry-run": ANY}),
        ("{version: , size: {}}", {"version": ANY, "size": ANY}),
        ("{size: [s, l]}", {"size": CommandInput(choices=("s", "l"))}),
        (r"{version: {pattern: '\d+'}}", {"version": CommandInput(pattern=r"\d+")}),
    ],
)
def test_the_three_forms(written: str, expected: dict[str, CommandInput]) -> None:
    deploy = read(text_of({}, actions(written))).environments["dev"].deploy
    assert deploy
    assert dict(deploy.settings.given_inputs) == expected


@pytest.mark.parametrize(
    ("environment", "key", "words"),
    [
        (actions("[1]"), ".deploy.github_actions.command_inputs", "must be a list of names"),
        (actions("[a b]"), ".deploy.github_actions.command_inputs.a b", "is not the name of an input"),
        (actions("{a: {choises: [x]}}"), ".command_inputs.a.choises", "did you mean `choices`?"),
        (actions("{a: {pattern: '('}}"), ".command_inputs.a.pattern", "is not a valid regular expression"),
        (actions("[a]", ", inputs: {a: x}"), ".command_inputs", "a is also in inputs; keep one"),
        (actions("[a]", ", mark_input: a"), ".mark_input", "a is also in command_inputs; keep one"),
        (actions(f"[{', '.join(f'i{number}' for number in range(26))}]"), ".command_inputs", "GitHub accepts 25"),
    ],
)
def test_what_is_wrong_is_said(environment: dict[str, str], key: str, words: str) -> None:
    prefix = "environments.dev.deploy.github_actions" if ".deploy" not in key else "environments.dev"
    assert_faulted(text_of({}, environment), f"{prefix}{key}", words)


def test_builds_have_them_too() -> None:
    images = read(text_of({"images": "{workflow: b.yml, command_inputs: [version]}"}, {})).images
    assert images
    assert list(images.command_inputs) == ["version"]
    text = text_of({"images": "{workflow: b.yml, inputs: {machines: which}, command_inputs: [which]}"}, {})
    assert_faulted(text, "images.command_inputs", "which is also in inputs")


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ("[a]", "a is also in extra_vars"),
        ("[ansible_ssh_common_args]", "is not for people"),
        ("[signalbox_commit]", "is not for people"),
        ("[a-b]", "a-b is no variable of Ansible"),
    ],
)
def test_variables_of_playbooks_have_rules_of_their_own(inputs: str, words: str) -> None:
    section = f"{{directory: p, playbook: a.yml, user: u, extra_vars: {{a: b}}, command_inputs: {inputs}}}"
    text = text_of({}, {"deploy": f"{{ansible: {section}}}"})
    assert_faulted(text, "environments.dev.deploy.ansible.command_inputs", words)
