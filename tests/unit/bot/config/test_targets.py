"""Where operations belong: environments, and what all of them share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from bot import config
from bot.access import policy
from bot.access.rights import Need, deciders
from bot.config.targets import BUILDS, IMAGES, SHARED, build_of, builds_target, find_target, queue_of, shared_targets
from bot.errors import Denied

EXAMPLE = Path(__file__).parents[4] / "signalbox.example.yaml"


@pytest.fixture
def example() -> config.Config:
    return config.load(EXAMPLE)


def test_an_environment_is_a_place(example: config.Config) -> None:
    assert find_target(example, "staging") is example.environments["staging"]


def test_a_shared_place_has_slacks_channel_and_takes_one_approval(example: config.Config) -> None:
    builds = find_target(example, BUILDS)
    assert builds is not None
    assert (builds.name, builds.channel, builds.windows) == (BUILDS, example.slack.channel, ())
    assert (builds.approval.required, builds.approval.requester_may_approve) == (1, True)
    assert deciders(example, Need("run"), builds) == example.access.approvers


def test_a_line_of_its_own_is_the_same_place(example: config.Config) -> None:
    assert find_target(example, f"{BUILDS}/run 4711") == find_target(example, BUILDS)


def test_what_is_not_there_is_no_place_and_refused(example: config.Config) -> None:
    assert find_target(example, "moon") is None
    with pytest.raises(Denied, match="moon is no longer in the configuration"):
        policy.target_of(example, "moon")


@pytest.mark.parametrize("name", SHARED)
def test_no_environment_can_take_the_name_of_a_shared_place(name: str) -> None:
    text = EXAMPLE.read_text().replace("\n  dev:\n", f"\n  {name}:\n", 1)
    with pytest.raises(config.ConfigError, match="is not a valid name"):
        config.read(text)


STATES = (
    "hcp: {organization: acme, workspace: app}",
    "hcp: {organization: acme, workspace: site}",
    "directory: app",
    "{directory: app, workspace: blue}",
    "{directory: app, backend_config: {key: blue, assume_role: {role_arn: x}}}",
    "",
)


def environment_with(terraform: str) -> str:
    written = terraform if terraform.startswith("{") else f"{{{terraform}}}"
    more = f", terraform: {written}" if terraform else ""
    return f"{{deploy: {{github_actions: {{workflow: x.yml}}}}{more}}}"


@given(st.lists(st.sampled_from(STATES), min_size=1, max_size=6))
def test_environments_share_a_queue_exactly_where_they_share_a_state(chosen: list[str]) -> None:
    top = 'slack: {channel: "#ops"}\ngithub: {repository: a/b}\naws: {region: us-west-2}\n'
    top += "access: {operators: [U0ANA], approvers: [U0ANA]}\nenvironments:\n"
    text = top + "".join(f"  e{number}: {environment_with(state)}\n" for number, state in enumerate(chosen))
    read = config.read(text)
    for number, state in enumerate(chosen):
        sharing = [f"e{other}" for other, each in enumerate(chosen) if each == state]
        assert queue_of(read, f"e{number}") == (tuple(sharing) if state else (f"e{number}",))
    assert queue_of(read, f"{BUILDS}/run 4711") == (f"{BUILDS}/run 4711",)


FURTHER = """
slack: {channel: "#ops"}
github: {repository: a/b}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0LEA]}
environments: {dev: {machines: [web, db], deploy: {github_actions: {workflow: d.yml}}}}
images:
  workflow: build.yml
  suspicious: [oops]
  workflows:
    base: {workflow: base.yml, channel: "#base", suspect_weight: 1, approval: {required: 2, approvers: [U0MAX]}}
    runner: {workflow: runner.yml}
"""


def test_each_image_workflow_is_a_target_with_its_own_channel_queue_and_approvers() -> None:
    read = config.read(FURTHER)
    base = find_target(read, builds_target("base"))
    assert base is not None
    assert (base.name, base.channel, base.approval.required) == ("image builds of base", "#base", 2)
    assert deciders(read, Need("run"), base) == ("U0MAX",)
    assert "U0MAX" in policy.people_named(read)
    assert find_target(read, "image builds of base/run 47") == base
    for name in (BUILDS, IMAGES, builds_target("runner")):
        other = find_target(read, name)
        assert other is not None
        assert (other.channel, other.approval.required) == ("#ops", 1)
    assert len({queue_of(read, name) for name in shared_targets(read)}) == len(SHARED) + 2
    assert find_target(read, builds_target("gone")) is None


@pytest.mark.parametrize("build", ["", "base"])
def test_a_target_names_its_image_workflow(build: str) -> None:
    assert build_of(builds_target(build)) == build_of(f"{builds_target(build)}/run 47") == build
    assert build_of("prod/dns") == ""


def test_a_further_image_workflow_is_as_images_where_it_says_nothing_else() -> None:
    builds = config.read(FURTHER).builds
    assert list(builds) == ["", "base", "runner"]
    assert [each.suspicious for each in builds.values()] == [("oops",)] * 3
    assert [each.suspect_weight for each in builds.values()] == [3, 1, 3]


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("    runner:", "    web:", "images.workflows.web: is also a role, an environment or `all`"),
        ("    runner:", "    all:", "images.workflows.all: is also a role"),
        ("runner.yml", "build.yml", "build.yml is the workflow of two entries of `images`"),
        ("runner.yml", "x.yml, refs: {reviewed: true}", "images.workflows.runner.refs.reviewed: is a condition"),
        ("runner.yml", "x.yml, refs: {apply_others: true}", "builds have none"),
        ("runner.yml", "x.yml, inputs: {machines: m}, command_inputs: [m]", "m is also in inputs"),
        ("runner.yml", "x.yml, keep: {newest: 1}", "keep"),
    ],
)
def test_what_cannot_be_an_image_workflow_is_named(before: str, after: str, fault: str) -> None:
    with pytest.raises(config.ConfigError) as raised:
        config.read(FURTHER.replace(before, after))
    assert fault in str(raised.value)
