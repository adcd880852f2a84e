"""The words after /deploy: which machine types, which ref, and whether it is only a check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.config import read as read_config
from bot.errors import UserError
from bot.operations.requests import OperationRequest
from handlers.deploy.arguments import Arguments, command_text, limited, read, repeating_command
from handlers.deploy.backend import check_supported

if TYPE_CHECKING:
    from bot.config import Environment

FILE = """
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0LEE]}
environments:
  dev: {machines: [backend], deploy: {github_actions: {workflow: d.yml}}}
  staging:
    machines: [backend, cron, sftp]
    deploy: {ansible: {directory: p, playbook: "d-{machine}.yml", user: deployer}}
"""
CONFIG = read_config(FILE, "signalbox.yaml")
DEV, STAGING = CONFIG.environments["dev"], CONFIG.environments["staging"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], Arguments()),
        (["main"], Arguments("main")),
        (["backend"], Arguments("", ("backend",))),
        (["cron,backend,cron"], Arguments("", ("backend", "cron"))),
        (["check"], Arguments(check=True)),
        (["release/1.2", "sftp", "check"], Arguments("release/1.2", ("sftp",), check=True)),
        (["check", "sftp", "v1"], Arguments("v1", ("sftp",), check=True)),
    ],
)
def test_words_come_in_any_order(words: list[str], expected: Arguments) -> None:
    assert read(STAGING, words) == expected


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["backend,crom"], "staging has no machine type “crom”; did you mean “cron”?"),
        (["backend", "cron"], "Machine types are given twice; put commas between them"),
        (["main", "v1"], "“main” and “v1”: I can deploy one branch, tag or commit"),
        (["a..b"], "cannot be a branch"),
        (["backend,"], "Put commas between machine types, without blanks: backend,"),
        (["backend,", "cron"], "Put commas between machine types, without blanks: backend,"),
    ],
)
def test_what_makes_no_sense_is_said(words: list[str], problem: str) -> None:
    with pytest.raises(UserError) as caught:
        read(STAGING, words)
    assert problem in str(caught.value)
    assert "Usage: /deploy <environment>" in str(caught.value)


@pytest.mark.parametrize(("words", "what"), [(["backend"], "takes no machine types"), (["check"], "takes no check")])
def test_a_workflow_takes_neither(words: list[str], what: str) -> None:
    arguments = read(DEV, words)
    with pytest.raises(UserError, match=f"dev deploys through GitHub Actions d.yml, which {what}. Nothing was started"):
        check_supported(DEV, roles=bool(arguments.roles), check=arguments.check)
    check_supported(STAGING, roles=True, check=True)


def test_a_wish_says_in_its_title_what_it_is_limited_to() -> None:
    whole = OperationRequest("deploy", "Deploy main to staging", "U0ANA", "key", STAGING, {"ref": "main"})
    assert limited(whole, Arguments()) == whole
    some = limited(whole, Arguments("main", ("backend", "cron")))
    assert (some.title, some.arguments) == (
        "Deploy main to staging (backend, cron)",
        {"ref": "main", "machines": "backend,cron"},
    )
    check = limited(whole, Arguments("main", ("sftp",), check=True))
    assert (check.title, check.arguments) == (
        "Check main against staging (sftp)",
        {"ref": "main", "machines": "sftp", "check": "check"},
    )


@pytest.mark.parametrize(
    ("environment", "arguments", "words"),
    [
        (DEV, {"ref": "main"}, "/deploy dev"),
        (DEV, {"ref": "v1"}, "/deploy dev v1"),
        (STAGING, {"ref": "main", "machines": "backend,cron,sftp"}, "/deploy staging"),
        (STAGING, {"ref": "v1", "machines": "cron", "check": "check"}, "/deploy staging cron v1 check"),
        (STAGING, {"ref": "a1b2c3d4" * 5, "hosts": "i-1"}, "/deploy staging a1b2c3d"),
    ],
)
def test_what_was_asked_for_can_be_typed_again(environment: Environment, arguments: dict[str, str], words: str) -> None:
    assert repeating_command(environment, arguments) == words


def test_machine_types_are_named_unless_all_are_meant() -> None:
    assert command_text(STAGING, "main", ("sftp",)) == "/deploy staging sftp"
    assert command_text(STAGING, "main", ("backend", "cron", "sftp"), check=True) == "/deploy staging check"
