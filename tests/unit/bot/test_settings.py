"""What the environment says: all faults at once, secrets out of sight, addresses as libraries take them."""

from __future__ import annotations

import dataclasses

import pytest

from bot import config, settings
from bot.errors import ConfigError

FILE = """
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0LEE]}
environments:
  dev:
    channel: "#dev"
    machines: [backend]
    %s
"""
SECTIONS = (
    "deploy: {github_actions: {workflow: d.yml}}\n    terraform: {directory: d, secret_environment: {KEY: %s}}",
    "deploy: {ansible: {directory: p, playbook: d.yml, user: u, private_key_env: %s}}",
    "deploy: {ansible: {directory: p, playbook: d.yml, user: u, secret_vars: {key: %s}}}",
)
KEY = bytes(range(32)).hex()
GOOD = {"SLACK_BOT_TOKEN": "xoxb-planted", "SLACK_SIGNING_SECRET": "planted-secret", "SIGNALBOX_KEY": KEY}


def faults(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as refused:
        settings.read(environ, executor="serve")
    return str(refused.value)


def test_the_least_that_is_needed() -> None:
    made = settings.read(GOOD, executor="serve")
    assert (made.port, made.executor, made.slack_app_token, made.database_url) == (3000, "serve", None, None)
    assert settings.read(
        {**GOOD, "SLACK_SIGNING_SECRET": "", "SLACK_APP_TOKEN": "xapp-x"}, executor="serve"
    ).slack_app_token


def test_everything_that_is_missing_is_said_at_once() -> None:
    text = faults({"PORT": "http"})
    assert "SLACK_BOT_TOKEN: is not set" in text
    assert "SLACK_SIGNING_SECRET: is not set" in text
    assert "SIGNALBOX_KEY: is not set; set it to the output of `python -m bot key`" in text
    assert "PORT: 'http' is not a port number" in text


@pytest.mark.parametrize("port", ["-1", "65536", "3000.0", " 3000", "²", "٣", "0x50"])
def test_what_is_no_port(port: str) -> None:
    assert "PORT" in faults({**GOOD, "PORT": port})


@pytest.mark.parametrize(("port", "number"), [("", 3000), ("0", 0), ("8080", 8080), ("65535", 65535)])
def test_ports(port: str, number: int) -> None:
    assert settings.read({**GOOD, "PORT": port}, executor="serve").port == number


@pytest.mark.parametrize("name", ["../x", "a/b", "", " ", "a b", "x" * 70, "\n", "."])
def test_an_executors_name_is_a_file_name(name: str) -> None:
    environ = {**GOOD, "SIGNALBOX_EXECUTOR": name}
    if name == "":
        assert settings.read(environ, executor="serve").executor == "serve"
    else:
        assert "SIGNALBOX_EXECUTOR" in faults(environ)


def test_an_executors_name_comes_from_whoever_runs_it() -> None:
    assert settings.read({**GOOD, "DYNO": "web.1"}, executor="serve").executor == "web.1"
    named = {**GOOD, "DYNO": "web.1", "SIGNALBOX_EXECUTOR": "one"}
    assert settings.read(named, executor="serve").executor == "one"


def test_secrets_are_not_in_what_is_printed() -> None:
    environ = {**GOOD, "GITHUB_TOKEN": "planted-github", "DATABASE_URL": "postgres://u:planted-pass@h/d"}
    assert "planted" not in repr(settings.read(environ, executor="serve"))


def test_every_secret_of_the_bot_is_in_the_list_that_no_child_process_gets() -> None:
    hidden = {field.name.upper() for field in dataclasses.fields(settings.Settings) if not field.repr}
    assert hidden == set(settings.OWN_SECRETS)


@pytest.mark.parametrize("name", settings.OWN_SECRETS)
@pytest.mark.parametrize("section", SECTIONS)
def test_no_child_process_is_given_a_secret_of_the_bots_own(name: str, section: str) -> None:
    config.read(FILE % (section % "ANOTHER_SECRET"), "signalbox.yaml")
    with pytest.raises(ConfigError, match="is Signalbox's own secret"):
        config.read(FILE % (section % name), "signalbox.yaml")


def test_every_secret_is_known_to_be_one() -> None:
    environ = {name: f"value of {name}" for name in (*settings.OWN_SECRETS, *settings.AWS_SECRETS)}
    named = {"DEPLOY_KEY": "a deploy key", "EMPTY": "", "OTHER": "not named"}
    values = settings.secret_values({**environ, **named}, ["DEPLOY_KEY", "EMPTY", "UNSET"])
    assert set(values) == {*environ.values(), "a deploy key"}


@pytest.mark.parametrize(
    ("url", "hidden"),
    [
        ("postgres://u:p%40ss%2Fword@h:5432/d", {"p%40ss%2Fword", "p@ss/word"}),
        ("postgresql://u:secret@h/d", {"secret"}),
        ("postgresql://u@h/d", set()),
        ("postgresql:///d?host=/run", set()),
        ("", set()),
        ("no address", set()),
    ],
)
def test_the_databases_password_is_one_too(url: str, hidden: set[str]) -> None:
    assert set(settings.secret_values({"DATABASE_URL": url}, [])) - {url} == hidden


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgres://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d"),
        ("sqlite:///x", "sqlite:///x"),
        (None, "sqlite:///default"),
        ("", "sqlite:///default"),
    ],
)
def test_addresses_of_databases(url: str | None, address: str) -> None:
    assert settings.database_url(url, "sqlite:///default") == address


def test_slacks_address_ends_in_a_slash() -> None:
    for url in ("http://127.0.0.1:1/api", "http://127.0.0.1:1/api/"):
        assert settings.read({**GOOD, "SLACK_API_URL": url}, executor="x").slack_api_url == "http://127.0.0.1:1/api/"


def test_a_named_secret_that_is_a_word_of_the_configuration_is_redacted_nowhere() -> None:
    environ = {"STAGE": "staging", "PASSWORD": "hunter2-hunter2", "SLACK_SIGNING_SECRET": "staging-secret"}
    values = settings.secret_values(environ, ["STAGE", "PASSWORD"], {"staging", "backend"})
    assert set(values) == {"hunter2-hunter2", "staging-secret"}
