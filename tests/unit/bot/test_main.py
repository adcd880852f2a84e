"""The command line: exit codes, plain words, no traceback."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml

from bot import __main__ as command_line
from bot.redaction import Redactor
from bot.seals import Keyring, new_key
from bot.store.audit import Audit, Entry
from bot.store.audit_table import audit
from bot.store.database import Store
from bot.store.migrations import VERSION_TABLE, migrate
from tests.unit.bot.store.audit_tampering import drop_triggers

CONFIG = """
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0LEE]}
environments:
  dev:
    deploy: {github_actions: {workflow: d.yml}}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN", "DATABASE_URL", "PORT", "DYNO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SIGNALBOX_KEY", new_key())
    path = tmp_path / "signalbox.yaml"
    path.write_text(CONFIG)
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = command_line.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def store_of(config: Path) -> Store:
    return Store(f"sqlite:///{config.parent}/var/signalbox.sqlite")


def fill(config: Path) -> None:
    (config.parent / "var").mkdir(mode=0o700)

    async def go() -> None:
        store = store_of(config)
        await migrate(store)
        audit_log = Audit(store, lambda: 1.5, Redactor(), Keyring.read(os.environ["SIGNALBOX_KEY"]))
        for number in range(3):
            await audit_log.record(Entry("U0ANA", f"deploy {number}", "dev", number))
        store.close()

    asyncio.run(go())
    (config.parent / "var/signalbox.sqlite").chmod(0o600)


@pytest.mark.parametrize(
    "arguments", [[], ["nothing"], ["audit"], ["audit", "burn"], ["inventory"], ["serve", "--port", "1"]]
)
def test_what_is_no_command_is_said_with_the_usage(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(arguments)
    assert ended.value.code == 2
    assert "usage: python -m bot" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["serve"], ["work"], ["check"], ["audit", "verify"], ["audit", "export"], ["inventory", "dev"]]
)
def test_without_a_configuration_nothing_begins(
    config: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    missing = config.parent / "nowhere.yaml"
    code, _, err = run(capsys, *arguments, "--config", missing)
    assert code == 2
    assert str(missing) in err
    config.write_text(CONFIG.replace("aws:", "azure:"))
    code, _, err = run(capsys, *arguments, "--config", config)
    assert code == 2
    assert "azure" in err


@pytest.mark.parametrize("command", ["serve", "work"])
def test_without_its_tokens_it_does_not_serve(config: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, _, err = run(capsys, command, "--config", config)
    assert code == 2
    assert "SLACK_BOT_TOKEN: is not set" in err
    assert not (config.parent / "var").exists()


def test_the_manifest_is_printed_for_an_address_or_for_socket_mode(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "manifest", "--url", "https://box.acme.test")
    assert code == 0
    assert yaml.safe_load(out)["settings"]["socket_mode_enabled"] is False
    assert "https://box.acme.test/slack/events" in out
    code, out, _ = run(capsys, "manifest")
    assert yaml.safe_load(out)["settings"]["socket_mode_enabled"] is True
    code, _, err = run(capsys, "manifest", "--url", "box.acme.test")
    assert code == 2
    assert "write https://" in err


@pytest.mark.parametrize("action", ["verify", "export"])
def test_without_a_trail_that_is_said_and_nothing_is_made(
    config: Path, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    code, out, err = run(capsys, "audit", action, "--config", config)
    assert (code, out) == (1, "")
    assert f"There is no audit log in {config.parent}/var/signalbox.sqlite." in err
    assert [item.name for item in config.parent.iterdir()] == ["signalbox.yaml"]


def test_a_database_without_a_trail_is_left_as_it_is(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "var").mkdir(mode=0o700)
    store = store_of(config)
    with store.engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE something (id INTEGER)"))
    code, _, err = run(capsys, "audit", "verify", "--config", config)
    assert code == 1
    assert "There is no audit log" in err
    assert sa.inspect(store.engine).get_table_names() == ["something"]
    store.close()


def test_a_whole_trail_is_verified_with_how_much_it_holds(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(config)
    code, out, _ = run(capsys, "audit", "verify", "--config", config)
    assert code == 0
    ends = "first 1970-01-01T00:00:01Z, last 1970-01-01T00:00:01Z"
    first, second = out.splitlines()
    assert first == f"The audit log is intact: 3 entries, {ends}, {config.parent}/var/signalbox.sqlite"
    assert second.startswith("Whether the newest entries were removed is not proven.")


def test_the_trail_is_exported_a_line_each(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(config)
    code, out, _ = run(capsys, "audit", "export", "--config", config)
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [line["action"] for line in lines] == ["deploy 0", "deploy 1", "deploy 2"]
    assert lines[1]["previous"] == lines[0]["digest"]
    assert (lines[0]["at"], lines[0]["time"]) == (1.5, "1970-01-01T00:00:01Z")


def test_a_broken_trail_is_an_exit_code_of_one(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(config)
    store = store_of(config)
    with store.engine.begin() as connection:
        drop_triggers(connection)
        connection.execute(sa.update(audit).where(audit.c.number == 2).values(actor="U0MAX"))
    store.close()
    code, out, _ = run(capsys, "audit", "verify", "--config", config)
    assert code == 1
    assert out.startswith("entry 2 was changed (3 entries, ")


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:planted-pass@127.0.0.1:9/none", "sqlite:////proc/version", "nonsense", "mysql://u@h/d"],
)
def test_a_database_that_cannot_be_used_is_said_in_a_line(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    code, _, err = run(capsys, "audit", "verify", "--config", config)
    assert code == 1
    assert "the database cannot be used" in err
    assert "planted-pass" not in err
    assert len(err.splitlines()) == 2


def test_an_inventory_of_what_is_not_there_is_refused_in_words(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "inventory", "prod", "--config", config)
    assert code == 2
    assert "There is no environment 'prod'; the environments are dev." in err
    code, _, err = run(capsys, "inventory", "dev", "--config", config)
    assert code == 2
    assert "dev does not deploy through Ansible" in err


@pytest.mark.parametrize("command", ["serve", "work"])
def test_a_database_of_a_newer_program_is_refused_at_start(config: Path, command: str) -> None:
    fill(config)
    store = store_of(config)
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '0999'")  # noqa: S608  -- a constant
    store.close()
    started = subprocess.run(
        [sys.executable, "-m", "bot", command, "--config", str(config)],
        env={
            "SLACK_BOT_TOKEN": "xoxb-1",
            "SLACK_SIGNING_SECRET": "s",
            "SIGNALBOX_KEY": new_key(),
            "PATH": os.environ["PATH"],
        },
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 2, started.stderr
    assert "at revision 0999, of a newer Signalbox" in started.stderr
    assert "Traceback" not in started.stderr
