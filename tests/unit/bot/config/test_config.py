"""The example loads as it is; whatever is wrong is said at once, in words, at its line; nothing raises but ConfigError."""

from __future__ import annotations

import re
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, strategies as st
from pydantic import BaseModel, ValidationError

from bot.access.rights import Need, deciders
from bot.config import ConfigError, Environment, load, read
from bot.config.models.custom import CustomOperation
from bot.config.models.images import ImageWorkflow
from bot.config.models.written import Service, Stack, WrittenConfig
from bot.config.validation_faults import keys_below

ROOT = Path(__file__).parents[4]
EXAMPLE = (ROOT / "signalbox.example.yaml").read_text()

SMALL = """\
slack: {channel: "#ops"}
github: {repository: acme/infrastructure}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: ["usergroup:S0LEADS"]}
environments:
  dev:
    machines: [backend, cron]
    deploy:
      github_actions: {workflow: deploy-dev.yml}
"""


def faults_of(text: str) -> list[tuple[int | None, str, str]]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return [(fault.line, fault.key, fault.problem) for fault in caught.value.faults]


def test_the_example_loads_as_it_is() -> None:
    config = load(ROOT / "signalbox.example.yaml")
    staging, prod = config.environments["staging"], config.environments["prod"]
    assert list(config.environments) == ["dev", "staging", "prod"]
    assert staging.deploy is not None
    assert staging.deploy.ansible is not None
    assert staging.deploy.ansible.port == 22222
    assert staging.deploy.ansible.extra_vars == {"perm_env": "staging", "run_migrations": True}
    assert staging.promote is not None
    assert (staging.promote.source, staging.promote.target) == ("dev", "staging")
    assert prod.approval.expires_after == timedelta(minutes=30)
    assert deciders(config, Need("run"), prod) == ("usergroup:S0LEADS",)
    assert deciders(config, Need("run"), staging) == ("usergroup:S0INFRA",)
    assert prod.windows[0].text == "Mon-Thu 09:00-16:00 America/Los_Angeles"
    assert config.images is not None
    assert config.images.rerun.on == ("RequestLimitExceeded", "API rate limit exceeded")


def test_what_is_not_said_is_the_safe_choice() -> None:
    config = read(SMALL)
    dev = config.environments["dev"]
    assert (dev.name, dev.channel) == ("dev", "#ops")
    assert (dev.approval.required, dev.approval.requester_may_approve) == (1, False)
    assert dev.approval.expires_after == timedelta(hours=1)
    assert config.operations.deploy_timeout == timedelta(hours=1)
    assert config.terraform.timeout == timedelta(minutes=30)
    assert (config.images, config.watch, config.terraform.program) == (None, None, None)


@pytest.mark.parametrize("rendered", ["off", '"off"', "start"])
def test_off_needs_no_quotes(rendered: str) -> None:
    config = read(f"{SMALL}    code_deploy_after_old_image: {rendered}\n")
    assert config.environments["dev"].code_deploy_after_old_image == rendered.strip('"')


def test_the_secrets_that_are_asked_for_are_known_by_name() -> None:
    names = load(ROOT / "signalbox.example.yaml").secret_names
    assert names == {"DEPLOYER_PRIVATE_KEY", "STAGING_DATABASE_URL"}


def test_models_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read(SMALL).slack.channel = "#other"


def test_all_faults_are_reported_at_once_with_their_lines() -> None:
    text = (
        SMALL.replace('"#ops"', "7")
        .replace("us-west-2", "moon")
        .replace("    machines:", "    afer: dev\n    machines:")
    )
    text = text.replace("{workflow: deploy-dev.yml}", "{workflow: x.yml}\n      ansible: {playbook: a.yml}")
    assert [(line, key) for line, key, _ in faults_of(text)] == [
        (1, "slack.channel"),
        (3, "aws.region"),
        (7, "environments.dev.afer"),
        (7, "environments.dev.after"),
        (9, "environments.dev.deploy"),
        (11, "environments.dev.deploy.ansible.directory"),
        (11, "environments.dev.deploy.ansible.user"),
    ]


def test_a_fault_is_printed_with_file_line_key_and_remedy() -> None:
    with pytest.raises(ConfigError) as caught:
        read(SMALL + "    approval:\n      expires_after: 1 hour\n")
    expected = (
        'environments.dev.approval.expires_after: "1 hour" is not a duration; write for example 30s, 45m, 2h or 90d'
    )
    assert str(caught.value) == f"signalbox.yaml:11: {expected}"


def test_a_key_written_twice_is_refused_where_it_is_written_again() -> None:
    assert faults_of(SMALL + "aws: {region: eu-west-1}\n") == [
        (10, "aws", "is defined twice; remove it here or in line 3")
    ]


def test_environments_that_wait_for_each_other_are_a_circle() -> None:
    other = "    deploy: {github_actions: {workflow: x.yml}}\n"
    text = SMALL + f"    after: b\n  b:\n    after: c\n{other}  c:\n    after: dev\n{other}"
    assert faults_of(text) == [
        (10, "environments.dev.after", "is a cycle (dev after b after c after dev); remove one `after`")
    ]


def test_branches_that_are_merged_into_each_other_are_a_circle() -> None:
    text = SMALL + "    promote: {from: a, to: b, repositories: [x/y]}\n"
    text += (
        "  b:\n    promote: {from: b, to: a, repositories: [x/y]}\n    deploy: {github_actions: {workflow: x.yml}}\n"
    )
    assert faults_of(text) == [
        (12, "environments.b.promote", "is a cycle (dev merges a into b of x/y); remove one `promote`")
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", None, "is empty"),
        ("# nothing but a comment\n", None, "is empty"),
        ("- a\n- b\n", 1, "must be a mapping with keys"),
        ("just text", 1, "must be a mapping with keys"),
        ("slack: {channel: [}\n", 1, "is not valid YAML"),
        (
            'access: {operators: ["usergroup:S0OPS], approvers: ["usergroup:S0OPS"]}\n',
            1,
            "a quote or a comma is missing",
        ),
        ("a: [b, {c: d]\n", 1, "a bracket, a quote or a comma is missing"),
        ("slack:\n\tchannel: x\n", 2, "indented with a tab; use spaces"),
        ("a: b: c\n", 1, "a second colon"),
        ("a: 1\n---\nb: 2\n", 2, "a second document starts here"),
        ("a: *nothing\n", 1, "is not valid YAML"),
        ("a: \x01\n", None, "is not valid YAML"),
        ("a: !!python/object/apply:os.system ['true']\n", 1, "is not supported; remove it"),
        ("<<: {a: 1}\n", 1, "merge keys (<<) are not supported"),
        ("? [a]\n: b\n", 1, "a key must be plain text"),
        ("a: &x [*x]\n", 1, "expands to too many values"),
        ("a: " + "[" * 5000 + "]" * 5000, None, "nested too deeply"),
        ("a: " + "[" * 60 + "]" * 60, 1, "expands to too many values"),
        ("a: " + "9" * 5000, 1, "is not a number"),
    ],
)
def test_files_that_are_no_configuration_are_refused_in_words(text: str, line: int | None, words: str) -> None:
    assert any(where == line and words in problem for where, _, problem in faults_of(text)), faults_of(text)


def test_a_file_that_unfolds_without_end_is_refused_quickly() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    assert faults_of(text) == [(1, "", "expands to too many values; use fewer aliases and levels")]


def test_an_alias_stands_for_what_it_names() -> None:
    text = SMALL.replace("[backend, cron]", "&all [backend, cron]")
    text += "  b:\n    machines: *all\n    deploy: {github_actions: {workflow: x.yml}}\n"
    assert read(text).environments["b"].machines == ("backend", "cron")


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "does not exist"), (b"slack: \xff\n", "is not UTF-8"), (b"#" * 600_000, "is larger than 512 KB")],
)
def test_files_that_cannot_be_read_are_refused_in_words(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "signalbox.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=words) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))


def test_a_directory_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a directory"):
        load(tmp_path)


@given(st.text(max_size=300))
def test_no_text_raises_anything_but_config_error(text: str) -> None:
    with pytest.raises(ConfigError):
        read(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["dev", "ansible"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _paths(value: object, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, inner in items for path in ((*above, key), *_paths(inner, (*above, key)))]


TYPED = yaml.safe_load(EXAMPLE.replace("{on:", '{"on":'))  # YAML 1.1 would make `on` true
PATHS = _paths(TYPED)


@given(data=st.data())
def test_any_value_in_the_place_of_another_loads_or_is_faulted_in_words(data: st.DataObject) -> None:
    typed = deepcopy(TYPED)
    *above, last = data.draw(st.sampled_from(PATHS))
    target = typed
    for key in above:
        target = target[key]
    target[last] = data.draw(VALUES)
    try:
        read(yaml.safe_dump(typed, sort_keys=False))
    except ConfigError as error:
        rendered = [fault.problem for fault in error.faults]
    else:
        rendered = ["nothing is wrong"]
    assert rendered
    assert all(problem and "Input should" not in problem for problem in rendered)


def _documented(model: type[BaseModel], above: str = "") -> list[str]:
    result = []
    for key, annotation in keys_below(model, ()).items():
        if issubclass(model, Environment) and key == "name":
            continue  # the key of the environment, not a key in it
        result.append(f"{above}{key}")
        for inner in _models_in(annotation):
            if inner in {Stack, Service, ImageWorkflow}:
                continue  # they have the keys of a section, or of an environment, which are documented there
            named = "<name>." * str(annotation).count("Mapping[")
            result += _documented(inner, f"{above}{key}.{named}")
    if model.model_config.get("extra") == "allow":
        result += [f"{above}<name>", *_documented(CustomOperation, f"{above}<name>.")]
    return result


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]


def test_every_key_and_no_other_is_documented() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    keys = _documented(WrittenConfig)
    assert "environments.<name>.deploy.ansible.port" in keys
    assert re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE) == keys
