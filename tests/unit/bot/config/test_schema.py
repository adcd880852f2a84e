"""The JSON Schema for editors: current, accepts what the loader accepts, refuses what it can of the rest."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from bot.__main__ import main
from bot.config import ConfigError, document, read, schema
from tests.json_schema import Draft202012Validator
from tests.unit.bot.config.test_faults import text_of

ROOT = Path(__file__).parents[4]
VALIDATOR = Draft202012Validator(schema.json_schema())


def plain(value: Any) -> Any:
    """The values as an editor's parser has them: lists are no tuples."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


EXAMPLE = plain(document.parse((ROOT / "signalbox.example.yaml").read_text()).data)


def refusals(value: Any) -> list[str]:
    return [error.json_path for error in VALIDATOR.iter_errors(value)]


def test_the_committed_file_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / schema.FILE).read_text("utf-8")
    assert text == schema.as_text(), f"python -m bot schema > {schema.FILE}"
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == text


def test_it_is_a_schema_and_named_in_the_first_line_of_the_example() -> None:
    Draft202012Validator.check_schema(schema.json_schema())
    first = (ROOT / "signalbox.example.yaml").read_text().partition("\n")[0]
    assert first == f"# yaml-language-server: $schema={schema.FILE}"


@pytest.mark.parametrize("file", ["signalbox.example.yaml", "sandbox/signalbox.yaml"])
def test_it_accepts_the_examples(file: str) -> None:
    assert refusals(plain(document.parse((ROOT / file).read_text()).data)) == []


@pytest.mark.parametrize(
    ("top", "environment"),
    [
        ({"slack": "-"}, {}),
        ({"slck": "{}"}, {}),
        ({"slack": "{channel: 7}"}, {}),
        ({"aws": "{region: us-west}"}, {}),
        ({"access": "{operators: []}"}, {}),
        ({"watch": "{builders: {every: often}}"}, {}),
        ({"images": "{workflow: b.yml, rerun: {times: 99}}"}, {}),
        ({}, {"machins": "[a]"}),
        ({}, {"name": "dev"}),
        ({}, {"machines": '["a b"]'}),
        ({}, {"deploy": "{}"}),
        ({}, {"deploy": "{ansible: {directory: p, playbook: a.yml}}"}),
        ({}, {"deploy": "{ansible: {directory: p, playbook: a.yml, user: u, collections: [general]}}"}),
        ({}, {"deploy": "{ansible: {directory: p, playbook: a.yml, user: u, port: 0}}"}),
        ({}, {"approval": "{expires_after: 1 hour}"}),
        ({}, {"code_deploy_after_old_image": "maybe"}),
        ({}, {"terraform": "{directory: i, backend_config: {bucket: [a]}}"}),
        ({}, {"terraform": "{stacks: {}}"}),
        ({}, {"terraform": "{stacks: {a: {directory: i, aproval: {}}}}"}),
        ({}, {"deploy": "{services: {A: {github_actions: {workflow: x.yml}}}}"}),
        ({}, {"deploy": "{services: {a: {github_actions: {workflow: 7}}}}"}),
    ],
)
def test_it_refuses_what_it_can_see(top: dict[str, str], environment: dict[str, str]) -> None:
    text = text_of(top, environment)
    with pytest.raises(ConfigError):
        read(text)
    assert refusals(plain(document.parse(text).data))


@pytest.mark.parametrize(
    "environment",
    [
        {"deploy": "{github_actions: {workflow: x.yml}, services: {a: {github_actions: {ref: b}}, b: {}}}"},
        {"terraform": "{hcp: {organization: a}, stacks: {a: {hcp: {workspace: a}}, b: {directory: x, after: [a]}}}"},
        {"deploy": "-"},
    ],
)
def test_it_accepts_parts_that_inherit_what_is_required(environment: dict[str, str]) -> None:
    text = text_of({}, environment)
    read(text)
    assert refusals(plain(document.parse(text).data)) == []


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 99),
    st.sampled_from(["30m", "dev", "U0ANA", "#ops", "a/b.yml", "", "ask"]),
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, each in inner for path in ((*at, key), *places(each, (*at, key)))]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(places(EXAMPLE)), st.one_of(LEAVES, st.lists(LEAVES, max_size=2), st.just({})), st.booleans())
def test_it_accepts_all_that_the_loader_accepts(path: tuple[Any, ...], value: object, drop: bool) -> None:
    changed = deepcopy(EXAMPLE)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    if drop:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    text = json.dumps(changed)  # JSON is YAML
    try:
        read(text)
    except ConfigError:
        return
    assert refusals(changed) == []
