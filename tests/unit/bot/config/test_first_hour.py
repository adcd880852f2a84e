"""The mistakes that a new user makes in the first hour: each is one line with the place and what to write."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, strategies

from bot import settings
from bot.config import read
from bot.config.document import parse
from bot.errors import ConfigError
from tests.unit.bot.test_settings import GOOD

TEXT = """slack: {channel: "#ops"}
github:
  repository: acme/infra
aws: {region: us-west-2}
access:
  operators: ["usergroup:S0OPS"]
  approvers: ["usergroup:S0OPS"]
environments:
  prod:
    machines: [web]
    windows: ["Mon-Thu 09:00-16:00 America/Los_Angeles"]
    deploy:
      ansible:
        directory: .
        playbook: site.yml
        user: deploy
        private_key_env: DEPLOY_KEY
    approval: {required: 1, expires_after: 1h}
"""
TOKEN = "ghp_" + "a1B2" * 9


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        read(text)
    return str(refused.value).splitlines()


@pytest.mark.parametrize(
    ("right", "wrong", "line", "words"),
    [
        ("  repository: acme", f"  token: {TOKEN}\n  repository: acme", 3, "set GITHUB_TOKEN in the bot's environment"),
        ('slack: {channel: "#ops"}', 'slack: {channel: "#ops", bot_token: x}', 1, "set SLACK_BOT_TOKEN and"),
        ("region: us-west-2", "region: us-west-2, secret_access_key: x", 4, "set AWS_ACCESS_KEY_ID and"),
        ("DEPLOY_KEY", f'"{TOKEN}"', 17, "it is not shown"),
        ("DEPLOY_KEY", "AKIAABCDEFGHIJKLMNOP", 17, "looks like a token, so it is not shown"),
        ("    machines", "   machines", 10, "is indented by 3 blanks, its siblings by 4"),
        ("    windows", "     windows", 11, "is indented by 5 blanks, its siblings by 4"),
        ("    deploy:", "    deploy", 12, "`deploy` lacks its colon"),
        ("us-west-2", "us-wst-2", 4, "did you mean us-west-2?"),
        ("[web]", "web", 10, "write [web]"),
        ("09:00-16:00 America/Los_Angeles", "9-16 PST", 11, "write the hours 9-16 as 09:00-16:00"),
        ("09:00-16:00 America/Los_Angeles", "9-16 PST", 11, "did you mean America/Los_Angeles?"),
        ("Mon-Thu 09:00-16:00", "Mo-Thu 9-16", 11, "the days: "),
    ],
)
def test_each_is_one_line_at_its_place(right: str, wrong: str, line: int, words: str) -> None:
    assert right in TEXT
    [fault] = faults(TEXT.replace(right, wrong))
    assert f":{line}: " in fault
    assert words in fault
    assert TOKEN not in fault
    assert "AKIA" not in fault


def test_a_duration_may_have_parts() -> None:
    config = read(TEXT.replace("expires_after: 1h", "expires_after: 1h30m"))
    assert config.environments["prod"].approval.expires_after.total_seconds() == 5_400
    assert "0h0m is zero" in faults(TEXT.replace("expires_after: 1h", "expires_after: 0h0m"))[0]
    for wrong in ("30m1h", "1h 30m", "h", "1h30"):
        assert "is not a duration" in faults(TEXT.replace("expires_after: 1h", f"expires_after: {wrong}"))[0]


@given(number=strategies.integers(2, len(TEXT.splitlines()) - 2), blanks=strategies.sampled_from([-1, 1]))
def test_a_blank_too_many_or_too_few_names_the_line_or_its_neighbour(number: int, blanks: int) -> None:
    """Where it is no YAML: what is YAML all the same has faults of its own."""
    lines = TEXT.splitlines()
    if not lines[number].startswith(" "):
        return
    lines[number] = lines[number][1:] if blanks < 0 else f" {lines[number]}"
    text = "\n".join(lines) + "\n"
    try:
        yaml.safe_load(text)
    except yaml.YAMLError:
        [fault] = parse(text).faults
        assert fault.line is not None
        assert abs(fault.line - (number + 1)) <= 1, (fault, text)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SLACK_BOT_TOKEN", "xapp-1-abc", "is an app-level token (xapp-...), which belongs into SLACK_APP_TOKEN"),
        ("SLACK_BOT_TOKEN", "xoxp-1-abc", "is a person's token (xoxp-...); set the bot token (xoxb-...)"),
        ("SLACK_APP_TOKEN", "xoxb-1-abc", "is the bot token (xoxb-...), which belongs into SLACK_BOT_TOKEN"),
        ("SLACK_SIGNING_SECRET", "xoxb-1-abc", "copy it from Basic Information"),
        ("DATABASE_URL", "postgresql://u:p@ss@host/db", "percent-encode the password"),
        ("DATABASE_URL", "postgresql://u:p/ss@host/db", "percent-encode the password"),
    ],
)
def test_a_secret_in_the_wrong_place_is_named_and_not_shown(name: str, value: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        settings.read({**GOOD, name: value}, executor="serve")
    assert words in str(refused.value)
    assert value not in str(refused.value)
    assert "ss@host" not in str(refused.value)
