"""Where operations belong: environments, and what all of them share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from bot import config
from bot.access import policy
from bot.config.targets import BUILDS, SHARED, find_target, queue_of
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
    assert policy.approver_rules(example, builds) == example.access.approvers


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
