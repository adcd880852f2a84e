"""Names of environments: aliases, capitals, and what is refused."""

from __future__ import annotations

import pytest

from tests.unit.bot.config.test_faults import assert_faulted
from tests.unit.bot.config.test_parts import config_of, text_of


def test_environments_are_found_by_alias_and_in_any_capitals() -> None:
    written = {
        "Prod": {"aliases": ["production", "PRD"], "terraform": {"stacks": {"dns": {"directory": "x"}}}},
        "dev": {},
    }
    config = config_of(written)
    for name in ("Prod", "prod", "PRODUCTION", "prd"):
        assert config.find(name) is config.environments["Prod"]
        assert config.find(f"{name}/dns") is config.environments["Prod/dns"]
    assert [config.find(name) for name in ("production/x", "pro", "dns", "")] == [None] * 4
    assert config.environments["Prod/dns"].aliases == ()


@pytest.mark.parametrize(
    ("more", "key", "words"),
    [
        ("aliases: [dev]", "environments.prod.aliases[0]", "dev stands for dev; remove it"),
        ("aliases: [p, Prod]", "environments.prod.aliases[1]", "Prod stands for prod; remove it"),
        ('aliases: ["a b"]', "environments.prod.aliases[0]", "is not a valid name"),
    ],
)
def test_an_alias_stands_for_one_environment(more: str, key: str, words: str) -> None:
    dev = "  dev: {deploy: {github_actions: {workflow: x.yml}}}\n"
    assert_faulted(text_of(more=more) + dev, key, words)


def test_names_differ_by_more_than_capitals() -> None:
    assert_faulted(text_of() + "  PROD: {}\n", "environments.PROD", "differs from prod by capitals only")
    other = "  dev: {aliases: [p]}\n  test: {aliases: [P]}\n"
    assert_faulted(text_of() + other, "environments.test.aliases[0]", "P stands for dev; remove it")
