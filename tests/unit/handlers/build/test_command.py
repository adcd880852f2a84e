"""The words of /build and the inputs that they become."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bot.config import read as read_config
from bot.errors import UserError
from handlers.build import command as build_command
from handlers.build.command import BuildRequest, inputs_for, parse, request_from
from runners.github.runs.workflow_file import Input, WorkflowFile

FILE = """
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0ANA]}
environments:
  dev: {machines: [backend, cron], deploy: {github_actions: {workflow: d.yml}}}
  staging: {aliases: [stage], machines: [backend, cron, sftp], deploy: {github_actions: {workflow: d.yml}}}
images: {workflow: build.yml, ref: trunk}
"""
CONFIG = read_config(FILE)


def parsed(*rendered: str) -> BuildRequest:
    return parse(CONFIG, rendered)


def given(wanted: BuildRequest, *inputs: Input, text: str = FILE) -> dict[str, str]:
    images = read_config(text).images
    assert images
    return inputs_for(wanted, images, WorkflowFile("Build", dispatchable=True, inputs=inputs))


@pytest.mark.parametrize(
    ("rendered", "wanted", "title"),
    [
        ([], ((), (), "trunk"), "Build all images at trunk"),
        (["all"], ((), (), "trunk"), "Build all images at trunk"),
        (["cron"], (("cron",), (), "trunk"), "Build cron images at trunk"),
        (["cron,backend"], (("cron", "backend"), (), "trunk"), "Build cron and backend images at trunk"),
        (["cron,cron,"], (("cron",), (), "trunk"), "Build cron images at trunk"),
        (["staging"], ((), ("staging",), "trunk"), "Build all images for staging at trunk"),
        (["staging", "cron"], (("cron",), ("staging",), "trunk"), "Build cron images for staging at trunk"),
        (["Stage", "cron"], (("cron",), ("staging",), "trunk"), "Build cron images for staging at trunk"),
        (["all", "dev,staging", "v1.2"], ((), ("dev", "staging"), "v1.2"), "Build all images for dev and staging at v1.2"),
        (["fix/apt"], ((), (), "fix/apt"), "Build all images at fix/apt"),
        (["staging", "ref=staging"], ((), ("staging",), "staging"), "Build all images for staging at staging"),
    ],
)  # fmt: skip
def test_words_are_told_apart(rendered: list[str], wanted: tuple[Any, ...], title: str) -> None:
    result = parsed(*rendered)
    assert (result.machines, result.environments, result.ref) == wanted
    assert result.title == title
    assert request_from(result.arguments) == result
    assert parsed(*result.command.split()[1:]) == result


@pytest.mark.parametrize(
    ("rendered", "answer"),
    [
        (["bakend,cron"], "“bakend” is no machine and no environment; did you mean “backend”?"),
        (["cron,staging"], "cron, staging are machines and environments in one word; write them as two"),
        (["cron", "backend"], "cron and backend are both machines; write them as one word, with commas"),
        (["dev", "staging"], "A branch of that name is typed ref=staging"),
        (["main", "other"], "cannot both be the branch"),
        (["a..b"], "cannot be a branch"),
        (["0123abcd"], "on a branch or tag only"),
        (["sftp", "dev"], "dev has no sftp in the configuration"),
    ],
)
def test_what_is_mistyped_is_refused(rendered: list[str], answer: str) -> None:
    with pytest.raises(UserError, match=re.escape(answer)):
        parsed(*rendered)


def test_a_word_that_is_no_branch_either_gets_the_nearest_name() -> None:
    rendered = build_command.no_such_ref(CONFIG, "bakend")
    assert rendered.endswith("no environment; did you mean “backend”? Nothing was started.")


def test_a_word_that_is_like_none_gets_machines_and_environments_apart() -> None:
    names = ". Machines: backend, cron, sftp. Environments: dev, staging. "
    assert build_command.no_such_ref(CONFIG, "qqq").endswith(f"{names}Nothing was started.")
    with pytest.raises(UserError, match=re.escape(names)):
        parsed("cron,qqq")


@pytest.mark.parametrize(
    ("rendered", "inputs", "expected"),
    [
        ([], [], {}),
        (["cron"], [Input("machines")], {"machines": "cron"}),
        (["cron"], [Input("machine", options=("all", "cron"))], {"machine": "cron"}),
        (["cron,backend", "dev"], [Input("machines"), Input("environment")], {"machines": "cron,backend", "environment": "dev"}),
        (["dev"], [Input("machine", required=True, options=("all", "cron")), Input("environments")], {"machine": "all", "environments": "dev"}),
        ([], [Input("machines", required=True, default="all")], {}),
    ],
)  # fmt: skip
def test_words_become_the_inputs_that_the_workflow_declares(
    rendered: list[str], inputs: list[Input], expected: dict[str, str]
) -> None:
    assert given(parsed(*rendered), *inputs) == expected


def test_the_configuration_can_name_the_inputs() -> None:
    text = FILE.replace("ref: trunk", "ref: trunk, inputs: {machines: hosts}")
    assert given(parsed("cron"), Input("hosts"), Input("machines"), text=text) == {"hosts": "cron"}
    with pytest.raises(UserError, match="no input for machines"):
        given(parsed("cron"), Input("machines"), text=text)


@pytest.mark.parametrize(
    ("rendered", "inputs", "answer"),
    [
        (["cron"], [], r"build\.yml takes no inputs at trunk: it always builds the same images\. Nothing was started"),
        (["dev"], [Input("machines")], "no input for environments at trunk; it has machines"),
        (["cron,backend"], [Input("machine", options=("cron", "backend"))], "takes one of cron, backend, not cron,backend"),
    ],
)  # fmt: skip
def test_words_that_the_workflow_cannot_take_are_refused(rendered: list[str], inputs: list[Input], answer: str) -> None:
    with pytest.raises(UserError, match=answer):
        given(parsed(*rendered), *inputs)


SEVERAL = read_config(
    FILE.replace(
        "ref: trunk}", "ref: trunk, workflows: {base: {workflow: base.yml, ref: stable, command_inputs: [os]}}}"
    )
)


@pytest.mark.parametrize(
    ("words", "ref", "title"),
    [
        (["base"], "stable", "Build base at stable"),
        (["base", "v2"], "v2", "Build base at v2"),
        (["backend", "base"], "stable", "Build base: backend images at stable"),
        (["ref=base"], "base", "Build all images at base"),
    ],
)
def test_a_word_chooses_a_further_image_workflow(words: list[str], ref: str, title: str) -> None:
    request = parse(SEVERAL, words)
    assert (request.build, request.ref, request.title) == ("" if words == ["ref=base"] else "base", ref, title)
    assert request_from(request.arguments) == request == parse(SEVERAL, request.command.split()[1:])


def test_a_mistyped_image_workflow_is_named_with_the_right_one() -> None:
    assert build_command.no_such_ref(SEVERAL, "bse").endswith("did you mean “base”? Nothing was started.")


def test_further_image_workflows_take_their_own_inputs_only() -> None:
    with pytest.raises(UserError, match=re.escape("images.command_inputs in signalbox.yaml lists none")):
        build_command.check_given(SEVERAL.builds[""], BuildRequest((), (), "x", {"os": "9"}))
    with pytest.raises(UserError, match=re.escape("Builds of base take no input “oss”; did you mean “os”?")):
        build_command.check_given(SEVERAL.builds["base"], BuildRequest((), (), "x", {"oss": "9"}, "base"))
    build_command.check_given(SEVERAL.builds["base"], BuildRequest((), (), "x", {"os": "9"}, "base"))
