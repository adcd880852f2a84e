"""Stacks and services: each is an environment of its own, as if somebody had written it out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from bot.config import Config, ConfigError, Environment, document, parts, read
from bot.config.models.written import Service, Stack
from bot.config.targets import find_target, queue_of, without_lane
from tests.unit.bot.config.test_faults import TOP, assert_faulted

STACKS = "{stacks: {network: {directory: infra/network}, dns: {directory: infra/dns, after: [network]}}}"
SERVICES = "{services: {api: {github_actions: {workflow: api.yml}}, web: {github_actions: {workflow: web.yml}}}}"

# Where a key of an environment may be written, and in a stack; each value in two forms.
Path = tuple[str, ...]
OF_STACKS: dict[Path, tuple[Path, tuple[Any, Any]]] = {
    ("channel",): (("channel",), ("#one", "#two")),
    ("repository",): (("repository",), ("acme/one", "acme/two")),
    ("machines",): (("machines",), (["a"], ["a", "b"])),
    ("windows",): (("windows",), (["Mon-Thu 09:00-16:00 Europe/Berlin"], ["Fri 09:00-10:00 Europe/Berlin"])),
    ("worker_labels",): (("worker_labels",), (["x"], ["y"])),
    ("approval", "required"): (("approval", "required"), (1, 2)),
    ("approval", "approvers"): (("approval", "approvers"), (["usergroup:S0A0"], ["usergroup:S0B0"])),
    ("refs", "otherwise"): (("refs", "otherwise"), ("approval", "refuse")),
    ("terraform", "ref"): (("ref",), ("one", "two")),
    ("terraform", "protected"): (("protected",), (["aws_instance"], ["aws_db_instance"])),
    ("terraform", "backend_config", "bucket"): (("backend_config", "bucket"), ("one", "two")),
    ("terraform", "backend_config", "key"): (("backend_config", "key"), ("one", "two")),
    ("terraform", "environment", "TF_X"): (("environment", "TF_X"), ("one", "two")),
    ("terraform", "workspace"): (("workspace",), ("one", "two")),
}
OF_SERVICES: dict[Path, tuple[Path, tuple[Any, Any]]] = {
    ("channel",): (("channel",), ("#one", "#two")),
    ("repository",): (("repository",), ("acme/one", "acme/two")),
    ("approval", "required"): (("approval", "required"), (1, 2)),
    ("approval", "expires_after"): (("approval", "expires_after"), ("1h", "2h")),
    ("promote",): (
        ("promote",),
        ({"from": "a", "to": "b", "repositories": ["x/y"]}, {"from": "c", "to": "d", "repositories": ["x/z"]}),
    ),
    ("daemon_checks", "settle"): (("daemon_checks", "settle"), ("1s", "2s")),
    ("deploy", "github_actions", "ref"): (("github_actions", "ref"), ("one", "two")),
    ("deploy", "github_actions", "inputs", "a"): (("github_actions", "inputs", "a"), ("one", "two")),
    ("deploy", "github_actions", "inputs", "b"): (("github_actions", "inputs", "b"), ("one", "two")),
    ("deploy", "github_actions", "required_checks"): (("github_actions", "required_checks"), (["one"], False)),
    ("deploy", "github_actions", "record"): (("github_actions", "record"), (True, False)),
}
WHERE = st.sampled_from(["nowhere", "environment", "part", "both"])


def put(into: dict[str, Any], path: Path, value: Any) -> None:
    for key in path[:-1]:
        into = into.setdefault(key, {})
    into[path[-1]] = value


def config_of(environments: dict[str, Any]) -> Config:
    top = {key: json.loads(json.dumps(document.parse(value).data)) for key, value in TOP.items()}
    return read(json.dumps({**top, "environments": environments}))  # JSON is YAML


def values_of(config: Config, name: str) -> dict[str, Any]:
    return config.environments[name].model_dump(exclude={"name"})


def assert_written_out(kind: str, keys: dict[Path, tuple[Path, tuple[Any, Any]]], places: list[str]) -> None:
    """Assert that a part equals the environment that has each key as the part has it, else as the environment has it."""
    section, several, needed = kind.split()
    environment: dict[str, Any] = {}
    part: dict[str, Any] = {}
    by_hand: dict[str, Any] = {}
    needs: Path = ("directory",) if needed == "directory" else ("github_actions", "workflow")
    put(part, needs, "x.yml")
    put(by_hand, (section, *needs), "x.yml")
    for (path, (own, (first, second))), where in zip(keys.items(), places, strict=True):
        if where in {"environment", "both"}:
            put(environment, path, first)
        if where in {"part", "both"}:
            put(part, own, second)
        if where != "nowhere":
            put(by_hand, path, first if where == "environment" else second)
    put(environment, (section, several), {"one": part})
    assert values_of(config_of({"prod": environment}), "prod/one") == values_of(config_of({"prod": by_hand}), "prod")


@settings(max_examples=60, deadline=None)
@given(st.lists(WHERE, min_size=len(OF_STACKS), max_size=len(OF_STACKS)))
def test_a_stack_is_the_environment_written_out_by_hand(places: list[str]) -> None:
    assert_written_out("terraform stacks directory", OF_STACKS, places)


@settings(max_examples=60, deadline=None)
@given(st.lists(WHERE, min_size=len(OF_SERVICES), max_size=len(OF_SERVICES)))
def test_a_service_is_the_environment_written_out_by_hand(places: list[str]) -> None:
    assert_written_out("deploy services workflow", OF_SERVICES, places)


def test_a_part_may_have_each_key_of_an_environment_or_it_is_listed_here_why_not() -> None:
    everywhere = {"name", "aliases", "deploy", "terraform"}  # what a part is
    of_deploys, of_plans = {"promote", "daemons", "daemon_checks", "after"}, {"code_deploy_after_old_image"}
    keys = {*Environment.model_fields} - everywhere
    assert {*Stack.model_fields} & keys | of_deploys == keys
    assert {*Service.model_fields} & keys | of_plans == keys


VALUES = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)),
    max_leaves=8,
)
KEYS = st.sampled_from(["deploy", "terraform", "after", "machines", "daemons", "approval", "x"])


@given(st.dictionaries(st.sampled_from(["dev", "prod", "x y"]), st.dictionaries(KEYS, VALUES, max_size=4), max_size=3))
def test_environments_without_parts_are_unchanged(environments: dict[str, Any]) -> None:
    parsed = document.parse(json.dumps({"environments": environments}))
    assert isinstance(parsed.data, dict)
    inherited = parts.inherit(parsed)
    assert inherited.environments == parsed.data["environments"]
    assert (inherited.origins, parsed.faults) == ({}, [])


def text_of(terraform: str = STACKS, deploy: str = SERVICES, more: str = "") -> str:
    lines = [f"{key}: {value}" for key, value in TOP.items()]
    inner = [f"    terraform: {terraform}", f"    deploy: {deploy}", more and f"    {more}"]
    return "\n".join([*lines, "environments:", "  prod:", *filter(None, inner), ""])


def test_an_environment_has_its_parts_after_it_and_nothing_of_theirs() -> None:
    config = read(text_of(more='daemons: {}\n    machines: [a]\n    windows: ["Mon-Thu 09:00-16:00 Europe/Berlin"]'))
    assert list(config.environments) == ["prod", "prod/network", "prod/dns", "prod/api", "prod/web"]
    prod, dns, api = (config.environments[name] for name in ("prod", "prod/dns", "prod/api"))
    assert (prod.terraform, prod.deploy, list(config.whole_environments)) == (None, None, ["prod"])
    assert [each.name for each in config.planned("prod")] == ["prod/network", "prod/dns"]
    assert [each.name for each in config.deployed("prod")] == ["prod/api", "prod/web"]
    assert (dns.whole, dns.part, dns.file_name, dns.deploy) == ("prod", "dns", "prod.dns", None)
    assert (api.terraform, api.windows, api.machines) == (None, prod.windows, ("a",))
    assert dns.key_of("terraform", "hcp") == "environments.prod.terraform.stacks.dns.hcp"
    assert api.key_of("refs") == "environments.prod.deploy.services.api.refs"
    assert prod.key_of("refs", "allow") == "environments.prod.refs.allow"


def test_each_part_has_its_queue_and_is_a_target() -> None:
    config = read(text_of())
    for name in ("prod/dns", "prod/api"):
        assert queue_of(config, name) == (name,)
        assert find_target(config, name) is config.environments[name]
        assert find_target(config, f"{name}/run 47") is config.environments[name]
    assert [without_lane(name) for name in ("prod", "prod/run 47", "prod/dns", "prod/dns/run 4")] == [
        *("prod", "prod", "prod/dns", "prod/dns")
    ]
    assert without_lane("stuck builders/i-0abc") == "stuck builders"


def test_stacks_of_the_same_state_share_a_queue_unless_their_repositories_differ() -> None:
    same = "{directory: infra, stacks: {a: {}, b: {}, c: {repository: acme/other}}}"
    config = read(text_of(terraform=same))
    assert queue_of(config, "prod/a") == ("prod/a", "prod/b")
    assert queue_of(config, "prod/c") == ("prod/c",)
    assert config.repositories == ("acme/infrastructure", "acme/other")


def test_a_part_that_names_another_runner_leaves_the_inherited_one() -> None:
    terraform = "{directory: infra, stacks: {a: {}, b: {hcp: {organization: acme, workspace: b}}}}"
    deploy = "{github_actions: {workflow: x.yml}, services: {api: {}, web: {ansible: {directory: p, playbook: a.yml, user: u}}}}"
    config = read(text_of(terraform, deploy, "machines: [web]"))
    a, b = config.planned("prod")
    assert a.terraform
    assert b.terraform
    assert (a.terraform.directory, b.terraform.directory) == ("infra", None)
    assert [each.deploy and each.deploy.backend for each in config.deployed("prod")] == ["github_actions", "ansible"]


def test_a_service_follows_the_service_of_its_name_and_keeps_the_daemons_of_its_machines() -> None:
    ansible = "{directory: p, playbook: a.yml, user: u}"
    staging = f"  staging:\n    machines: [a, b]\n    deploy: {{services: {{api: {{ansible: {ansible}}}}}}}\n"
    deploy = f"{{ansible: {ansible}, services: {{api: {{machines: [a], after: staging}}, web: {{}}}}}}"
    text = text_of("{directory: x}", deploy, "machines: [a, b]\n    daemons: {a: [x], b: [y]}")
    config = read(text + staging)
    api, web = config.deployed("prod")
    assert (api.after, api.daemons, web.daemons) == ("staging/api", {"a": ("x",)}, {"a": ("x",), "b": ("y",)})
    assert config.planned("prod") == (config.environments["prod"],)


@pytest.mark.parametrize(
    ("terraform", "deploy", "more", "key", "words"),
    [
        ("{stacks: {}}", SERVICES, "", "environments.prod.terraform.stacks", "must be a mapping of names"),
        ("{stacks: [a]}", SERVICES, "", "environments.prod.terraform.stacks", "must be a mapping of names"),
        ("{stacks: {a: 7}}", SERVICES, "", "environments.prod.terraform.stacks.a", "must be a mapping of keys"),
        ("{stacks: {a: {}}}", SERVICES, "", "environments.prod.terraform.stacks.a", "has no runner"),
        ("{stack: {a: {}}}", SERVICES, "", "environments.prod.terraform.stack", "did you mean `stacks`?"),
        ("{stacks: {A b: {directory: x}}}", SERVICES, "", "environments.prod.terraform.stacks.A b", "not a valid name"),
        ("{stacks: {a/b: {directory: x}}}", SERVICES, "", "environments.prod.terraform.stacks.a/b", "not a valid name"),
        ("{stacks: {all: {directory: x}}}", SERVICES, "", "environments.prod.terraform.stacks.all", "word for all"),
        ("{stacks: {api: {directory: x}}}", SERVICES, "", "environments.prod.deploy.services.api", "one of the stacks"),
        (
            "{stacks: {a: {directory: x, aproval: {}}}}",
            SERVICES,
            "",
            "environments.prod.terraform.stacks.a.aproval",
            "did you mean `approval`?",
        ),
        (
            "{protectd: [x], stacks: {a: {directory: x}}}",
            SERVICES,
            "",
            "environments.prod.terraform.protectd",
            "did you mean `protected`?",
        ),
        (
            "{stacks: {a: {directory: /x}}}",
            SERVICES,
            "",
            "environments.prod.terraform.stacks.a.directory",
            "is an absolute path",
        ),
        (
            "{stacks: {a: {directory: x, after: [b]}, bb: {directory: y}}}",
            SERVICES,
            "",
            "environments.prod.terraform.stacks.a.after",
            "b is not a stack of prod; did you mean `bb`?",
        ),
        (
            "{stacks: {a: {directory: x, after: [a]}}}",
            SERVICES,
            "",
            "environments.prod.terraform.stacks.a.after",
            "is the stack itself",
        ),
        (
            "{stacks: {a: {directory: x, after: [b]}, b: {directory: y, after: [a]}}}",
            SERVICES,
            "",
            "environments.prod.terraform.stacks.a.after",
            "is a cycle (a after b after a)",
        ),
        ("{directory: x, after: [y]}", SERVICES, "", "environments.prod.terraform.after", "is for stacks"),
        (
            "{after: [a], stacks: {a: {directory: x}}}",
            SERVICES,
            "",
            "environments.prod.terraform.after",
            "single stack",
        ),
        (STACKS, "{services: {api: {}}}", "", "environments.prod.deploy.services.api", "has no runner"),
        (
            STACKS,
            "{services: {api: {github_actions: {}}}}",
            "",
            "environments.prod.deploy.services.api.github_actions.workflow",
            "is missing",
        ),
        (
            STACKS,
            "{github_actions: {workflow: a/b}, services: {api: {}, web: {}}}",
            "",
            "environments.prod.deploy.github_actions.workflow",
            "is a path",
        ),
        (STACKS, SERVICES, "approval: {required: -1}", "environments.prod.approval.required", "out of range"),
        (STACKS, SERVICES, "name: x", "environments.prod.name", "unknown key"),
    ],
)
def test_faults_are_named_where_they_are_written(terraform: str, deploy: str, more: str, key: str, words: str) -> None:
    assert_faulted(text_of(terraform, deploy, more), key, words)


def test_a_fault_that_all_parts_inherit_is_one_fault() -> None:
    with pytest.raises(ConfigError) as caught:
        read(text_of(more="approval: {requird: 2}"))
    assert [fault.key for fault in caught.value.faults] == ["environments.prod.approval.requird"]


def test_what_is_deployed_by_its_services_is_no_environment_to_follow() -> None:
    dev = "  dev:\n    deploy: {github_actions: {workflow: x.yml}}\n    after: prod\n"
    assert_faulted(text_of() + dev, "environments.dev.after", "name one of its services: prod/api, prod/web")
    assert read(text_of() + dev.replace("after: prod", "after: prod/api")).environments["dev"].after == "prod/api"


def test_a_name_with_a_slash_is_no_environment() -> None:
    assert_faulted(text_of() + "  prod/x: {}\n", "environments.prod/x", "below its terraform.stacks or deploy.services")


def test_an_environment_needs_neither_deploy_nor_terraform() -> None:
    config = config_of({"prod": {"machines": ["a"]}, "dev": {"terraform": {"directory": "x"}}})
    assert [config.deployed(name) for name in config.environments] == [(), ()]
    assert config.secret_names == frozenset()
