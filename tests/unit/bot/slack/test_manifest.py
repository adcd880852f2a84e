"""Slack's own schema takes the manifest, with an address of one's own and for Socket Mode."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.errors import UserError
from bot.slack import manifest
from tests.json_schema import Draft7Validator

SCHEMA = json.loads((Path(__file__).parents[3] / "data" / "slack-manifest.schema.json").read_text("utf-8"))


def problems(of: dict[str, Any]) -> list[str]:
    return [f"{list(error.path)}: {error.message}" for error in Draft7Validator(SCHEMA).iter_errors(of)]


def test_slack_takes_the_manifest_as_it_lies_there() -> None:
    assert problems(manifest.read()) == []


def test_the_schema_is_one_that_refuses() -> None:
    assert problems({**manifest.read(), "features": {"slash_commands": [{"command": "deploy"}]}})


@pytest.mark.parametrize(
    "url", ["https://box.acme.test", "https://box.acme.test/", "https://box.acme.test/slack/events"]
)
def test_every_address_becomes_ones_own(url: str) -> None:
    mine = manifest.manifest_for(url)
    text = manifest.as_yaml(mine)
    assert problems(mine) == []
    assert "example.com" not in text
    assert text.count("https://box.acme.test/slack/events\n") == 8
    assert mine["settings"]["socket_mode_enabled"] is False


def test_socket_mode_needs_no_address() -> None:
    mine = manifest.manifest_for(None)
    assert problems(mine) == []
    assert "https://" not in manifest.as_yaml(mine)
    assert mine["settings"]["socket_mode_enabled"] is True
    assert mine["settings"]["interactivity"] == {"is_enabled": True}


def test_an_address_that_slack_cannot_use_is_refused_in_words() -> None:
    with pytest.raises(UserError, match="write https://"):
        manifest.manifest_for("http://box.acme.test")


def test_what_is_printed_reads_back_the_same() -> None:
    mine = manifest.manifest_for("https://box.acme.test")
    assert yaml.safe_load(manifest.as_yaml(mine)) == mine


def test_every_command_escapes_what_people_type() -> None:
    commands = manifest.read()["features"]["slash_commands"]
    assert [command["command"] for command in commands] == ["/deploy", "/plan", "/build", "/run", "/rollback", "/infra"]
    assert all(command["should_escape"] for command in commands)
