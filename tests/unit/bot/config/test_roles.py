"""Roles: what is wrong with one is one fault, at its key, with the nearest right name."""

from __future__ import annotations

import pytest

from bot.config import ConfigError, read

TEXT = """
slack: {{channel: "#ops"}}
github: {{repository: o/r}}
aws: {{region: us-west-2}}
access: {access}
environments:
  staging: {{deploy: {{github_actions: {{workflow: d.yml}}}}, approval: {{required: {required}}}}}
  prod:
    deploy: {{services: {{api: {{github_actions: {{workflow: d.yml}}}}}}}}
    approval: {{approvers: [U0CTO]}}
images: {{workflow: b.yml}}
operations:
  tidy: {{workflow: t.yml, environment: staging}}
"""


def faults(access: str, required: int = 0) -> list[tuple[str, str]]:
    try:
        read(TEXT.format(access=access, required=required))
    except ConfigError as error:
        return [(fault.key, fault.problem) for fault in error.faults]
    return []


def test_operators_are_not_needed_beside_roles() -> None:
    assert faults("{roles: {all: {people: [U0ANA], may: [plan, run, approve]}}}", required=1) == []


@pytest.mark.parametrize(
    ("access", "key", "words"),
    [
        ("{approvers: [U0LEE]}", "access.operators", "nobody may run commands"),
        ("{operators: [U0ANA], roles: {a: {people: [U0ANA]}}}", "access.roles.a.may", "is missing"),
        ("{operators: [U0ANA], roles: {a: {people: [], may: [see]}}}", "access.roles.a.people", "is empty"),
        ("{operators: [U0ANA], roles: {a: {people: [U0A1], may: [deploy]}}}", "access.roles.a.may[0]", "write 'see'"),
        (
            "{operators: [U0ANA], roles: {a: {people: [U0A1], may: [run], environments: [stagin]}}}",
            "access.roles.a.environments[0]",
            "did you mean `staging`?",
        ),
        (
            "{operators: [U0ANA], roles: {a: {people: [U0A1], may: [run], environments: [image build]}}}",
            "access.roles.a.environments[0]",
            "did you mean `image builds`?",
        ),
        (
            "{operators: [U0ANA], roles: {a: {people: [U0A1], may: [run], commands: [/run tidi]}}}",
            "access.roles.a.commands[0]",
            "did you mean `tidy`?",
        ),
        (
            "{operators: [U0ANA], roles: {a: {people: [U0A1], may: [run], commands: [deploy]}}}",
            "access.roles.a.commands[0]",
            "is not a command",
        ),
        (
            "{operators: [U0ANA], roles: {a: {people: [U0A1], may: [approve], environments: [prod]}}}",
            "access.roles.a.environments[0]",
            "`approval.approvers` of its own",
        ),
    ],
)
def test_each_mistake_is_one_fault(access: str, key: str, words: str) -> None:
    ((faulted, problem),) = faults(access)
    assert faulted == key
    assert words in problem


def test_roles_that_approve_count_among_the_approvers_of_an_environment() -> None:
    few = "{operators: [U0ANA], roles: {leads: {people: [U0LEE], may: [approve], environments: [staging]}}}"
    assert faults(few, required=1) == []
    assert [key for key, _ in faults(few, required=2)] == ["environments.staging.approval"]
