"""Which stack or service a command means, and what it answers for another word."""

from __future__ import annotations

import pytest

from bot.access.parts import SERVICES, STACKS, PartKind, choose, choose_one
from bot.config import Config, read
from bot.errors import UserError

TEXT = """
slack: {channel: "#ops"}
github: {repository: acme/infrastructure}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0ANA]}
environments:
  dev: {deploy: {github_actions: {workflow: dev.yml}}}
  infra: {terraform: {directory: infra}}
  prod:
    aliases: [production]
    terraform: {stacks: {network: {directory: network}, dns: {directory: dns}}}
    deploy: {services: {api: {github_actions: {workflow: api.yml}}, web: {github_actions: {workflow: web.yml}}}}
"""


@pytest.fixture(scope="module")
def config() -> Config:
    return read(TEXT)


@pytest.mark.parametrize(
    ("kind", "typed", "parts", "rest"),
    [
        (STACKS, "prod dns x=1", ["prod/dns"], ["x=1"]),
        (STACKS, "prod/dns x=1", ["prod/dns"], ["x=1"]),
        (STACKS, "prod", ["prod/network", "prod/dns"], []),
        (STACKS, "prod all", ["prod/network", "prod/dns"], ["all"]),
        (STACKS, "infra", ["infra"], []),
        (STACKS, "Production dns", ["prod/dns"], []),
        (SERVICES, "prod api v1", ["prod/api"], ["v1"]),
        (SERVICES, "dev v1", ["dev"], ["v1"]),
    ],
)
def test_what_the_words_name(config: Config, kind: PartKind, typed: str, parts: list[str], rest: list[str]) -> None:
    chosen = choose(config, typed.split(), kind, "/x")
    assert ([part.name for part in chosen.parts], list(chosen.rest)) == (parts, rest)
    assert chosen.environment.name == parts[0].partition("/")[0]


@pytest.mark.parametrize(
    ("kind", "typed", "answer"),
    [
        (STACKS, "dev", "dev has no Terraform in the configuration; infra, prod have. Usage: /x"),
        (SERVICES, "infra", "infra has no deploy in the configuration; dev, prod have. Usage: /x"),
        (STACKS, "prd", "There is no environment “prd”; did you mean “prod”? Usage: /x"),
        (STACKS, "prod/dnss", "There is no environment “prod/dnss”; did you mean “prod/dns”? Usage: /x"),
        (STACKS, "prod/api", "prod has no stack “api”; there are network, dns. Usage: /x"),
        (SERVICES, "prod/dns", "prod has no service “dns”; there are api, web. Usage: /x"),
    ],
)
def test_another_word_is_answered_with_what_there_is(config: Config, kind: PartKind, typed: str, answer: str) -> None:
    with pytest.raises(UserError) as refused:
        choose(config, [typed], kind, "/x")
    assert str(refused.value) == answer


def test_a_command_for_one_part_names_the_others(config: Config) -> None:
    assert choose_one(config, "prod/api", SERVICES, "/x").name == "prod/api"
    with pytest.raises(UserError, match="prod has several services: prod/api, prod/web"):
        choose_one(config, "prod", SERVICES, "/x")
