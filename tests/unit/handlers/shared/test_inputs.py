"""Inputs against the workflow's file: what GitHub would refuse is refused before anybody approves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from bot.config.models.inputs import CommandInput
from bot.errors import UserError
from bot.slack.blocks import kit
from handlers.shared.input_views import fields, line
from handlers.shared.inputs import MOST_CHARACTERS, _narrowed, check_sent, digest, missing_inputs, submitted
from runners.github.runs.workflow_file import Input, WorkflowFile, parse
from sandbox.github import workflow_model as stand_in
from sandbox.github.inputs import checked_inputs
from sandbox.github.refusals import RefusedError
from sandbox.slack.block_kit import check_view
from tests.unit.bot.drawn import read

NAMES = st.sampled_from(["version", "size", "dry-run", "count"])
VALUES = st.sampled_from(["", "small", "large", "true", "false", "True", "1.2", "-3e4", "1e", "x y"])
DECLARED = st.builds(
    Input,
    NAMES,
    required=st.booleans(),
    default=st.none() | VALUES,
    type=st.sampled_from(["string", "boolean", "environment"]),
) | st.builds(
    Input,
    NAMES,
    required=st.booleans(),
    default=st.none() | st.sampled_from(["small", "large"]),
    options=st.just(("small", "large", "true")),
    type=st.just("choice"),
)
FILES = st.lists(DECLARED, max_size=4, unique_by=lambda each: each.name)


def file_of(declared: list[Input]) -> WorkflowFile:
    return WorkflowFile("Deploy", dispatchable=True, inputs=tuple(declared))


@settings(deadline=None)
@given(FILES, st.dictionaries(NAMES | st.just("unknown"), VALUES, max_size=4))
def test_it_refuses_what_github_refuses(declared: list[Input], sent: dict[str, str]) -> None:
    """GitHub's stand-in has checks of its own. A wrong default is the file's fault, which only GitHub reports."""
    theirs = tuple(stand_in.Input(each.name, each.required, each.default, each.type, each.options) for each in declared)
    ours = check_refuses(file_of(declared), sent)
    wrong_default = any(
        each.type == "boolean" and each.name not in sent and each.default not in (None, "", "true", "false")
        for each in declared
    )
    try:
        checked_inputs(theirs, sent)
    except RefusedError:
        assert ours or wrong_default
    else:
        assert not ours


def check_refuses(file: WorkflowFile, sent: dict[str, str]) -> str:
    try:
        check_sent(file, sent, "deploy.yml at main", given=[each.name for each in file.inputs])
    except UserError as refused:
        return str(refused)
    return ""


TEXT = b"""
on:
  workflow_dispatch:
    inputs:
      version: {description: "Which <version>", required: true}
      size: {type: choice, options: [small, large], default: small}
      dry-run: {type: boolean, default: false}
      count: {type: number}
"""


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        ({"version": "1"}, ""),
        ({"version": "1", "size": "large", "dry-run": "true", "count": "-1.5"}, ""),
        ({}, "deploy.yml at main needs version: add version=…. Nothing was started."),
        ({"version": ""}, "needs version"),
        ({"version": "1", "sise": "large"}, "deploy.yml at main has no input “sise”; did you mean “size”?"),
        ({"version": "1", "size": "larg"}, "size cannot be “larg”; did you mean “large”?"),
        ({"version": "1", "dry-run": "yes"}, "dry-run cannot be “yes”; it is one of true, false."),
        ({"version": "1", "count": "many"}, "count cannot be “many”; it is a number."),
        ({"version": "x" * MOST_CHARACTERS}, "GitHub takes 65,535"),
    ],
)
def test_what_is_wrong_is_named_with_the_nearest_right_one(sent: dict[str, str], problem: str) -> None:
    refusal = check_refuses(parse("deploy.yml", TEXT), sent)
    assert problem in refusal
    assert bool(problem) == bool(refusal)


def test_only_inputs_that_may_be_given_are_asked_for() -> None:
    check_sent(parse("deploy.yml", TEXT), {}, "deploy.yml at main", given=["size"])
    assert missing_inputs(parse("deploy.yml", TEXT).inputs, {}) == ["version"]


@settings(deadline=None)
@given(st.lists(st.builds(Input, st.from_regex(r"[a-z-]{1,9}", fullmatch=True), required=st.booleans(),
    default=st.none() | st.text(max_size=9), options=st.lists(st.text(max_size=90), max_size=120).map(tuple),
    type=st.sampled_from(["string", "boolean", "choice"]), description=st.text(max_size=300)),
    max_size=5, unique_by=lambda each: each.name))  # fmt: skip
def test_slack_takes_the_fields_of_any_inputs(declared: list[Input]) -> None:
    view = {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Run"},
        "submit": {"type": "plain_text", "text": "Run"},
        "blocks": fields(declared),
    }
    check_view(view, "modal")


def test_a_modal_offers_what_githubs_form_offers() -> None:
    version, size, dry_run, count = fields(parse("deploy.yml", TEXT).inputs)
    assert [version["element"]["type"], size["element"]["type"]] == ["plain_text_input", "static_select"]
    assert not version.get("optional")
    assert version["hint"]["text"] == "Which <version>"
    assert size["element"]["initial_option"]["value"] == "small"
    assert [option["value"] for option in dry_run["element"]["options"]] == ["true", "false"]
    assert dry_run["element"]["initial_option"]["value"] == "false"
    assert count["optional"]


def test_the_configuration_narrows_a_choice() -> None:
    size = parse("deploy.yml", TEXT).inputs[1]
    assert _narrowed(size, CommandInput()).options == ("small", "large")
    assert _narrowed(size, CommandInput(choices=("large", "huge"))).options == ("large",)
    assert _narrowed(Input("x"), CommandInput(choices=("a", "b"))).options == ("a", "b")


def test_an_empty_field_gives_no_input() -> None:
    assert submitted({"input:version": " 1.2 ", "input:size": "", "ref": "main"}) == {"version": "1.2"}
    with pytest.raises(UserError, match="line break"):
        submitted({"input:version": "1\n2"})


def test_the_digest_is_of_all_names_and_values() -> None:
    assert digest({"a": "1", "b": "2"}) == digest({"b": "2", "a": "1"})
    others = [{}, {"a": "1"}, {"a": "2", "b": "1"}, {"a": '1", "b": "2'}]
    assert len({digest({"a": "1", "b": "2"}), *map(digest, others)}) == 5


def test_the_line_of_a_message_has_each_value_as_it_is() -> None:
    text = line({"version": "<!channel>", "empty": ""})
    rendered = read(kit.message("x", [kit.section(text)]))
    assert "<!channel>" in rendered or "&lt;!channel&gt;" in text
    assert "(empty)" in rendered
    assert line({}) == ""
