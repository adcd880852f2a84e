"""`check` reports for every connection whether it works, and a remedy for each problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bot.config import read
from bot.store.database import Store
from bot.store.migrations import REVISION, VERSION_TABLE, migrate
from runners import terraform
from runners.errors import ProgramMissingError
from tests.unit.bot.check.world import CONFIG, WITH_ANSIBLE, World, single

if TYPE_CHECKING:
    from pathlib import Path


async def test_where_all_is_well_each_connection_is_one_line(world: World) -> None:
    text = await world.lines()
    checked = [
        ["ok", "slack"],
        ["ok", "github"],
        ["ok", "aws"],
        ["ok", "database"],
        ["ok", "workers"],
        ["ok", "isolation"],
        ["ok", "artifacts"],
        ["ok", "machines"],
    ]
    assert [line.split()[:2] for line in text] == [*checked, ["note", "signalbox"]]
    assert text[8].endswith("dev: main is protected on GitHub")
    assert "@signalbox in lineside by HTTP, in #ops, #dev, @s0infra has 1" in text[0]
    assert "acme/infrastructure as signalbox-bot, deploy-dev.yml" in text[1]
    assert "us-west-2" in text[2]
    assert f"sqlite, {world.database.removeprefix('sqlite:///')}, empty; the next start upgrades it" in text[3]
    assert "as the bot's own user, without a wall (operations.isolation: none)" in text[5]


async def test_a_profile_of_aws_that_is_not_there_is_said(world: World) -> None:
    world.config = read(CONFIG.replace("region: us-west-2", "region: us-west-2, profile: nobody-has-this"))
    fault = single(await world.faults())
    assert fault.startswith("FAIL  aws")
    assert "aws.profile" in fault


async def test_each_account_and_region_is_asked_who_we_are(world: World) -> None:
    place = 'aws: {region: eu-west-1, role: "arn:aws:iam::222222222222:role/deploys"}'
    world.config = read(CONFIG.replace("    machines: [backend]\n", f"    {place}\n"))
    [line] = [line for line in await world.lines() if line.startswith("ok    aws")]
    assert "account 123456789012 as " in line
    assert "environments.dev.aws: account 222222222222 as assumed-role/deploys/signalbox, eu-west-1" in line


async def test_a_database_that_cannot_be_written_to_is_said(world: World, tmp_path: Path) -> None:
    world.database = f"sqlite:///{tmp_path}/no/such/directory/x.sqlite"
    fault = single(await world.faults())
    assert fault.startswith("FAIL  database   cannot be written to")
    assert "DATABASE_URL" in fault


async def test_a_database_address_that_is_none_is_said(world: World) -> None:
    world.database = "carrier-pigeon"
    assert "DATABASE_URL cannot be used" in single(await world.faults())


async def test_what_check_writes_it_rolls_back(world: World) -> None:
    await world.lines()
    store = Store(world.database)
    tables = await store.run(lambda connection: sa.inspect(connection).get_table_names())
    store.close()
    assert tables == []


async def test_the_revision_of_the_database_is_reported(world: World) -> None:
    store = Store(world.database)
    await migrate(store)
    assert (await world.lines())[3].endswith(f", revision {REVISION}")
    newer = f"UPDATE {VERSION_TABLE} SET version_num = '0999'"  # noqa: S608  -- a constant
    await store.run(lambda connection: connection.exec_driver_sql(newer))
    store.close()
    assert "at revision 0999, of a newer Signalbox" in single(await world.faults())


async def test_programs_and_secrets_are_looked_at_where_they_are_needed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def result(_configured: str | None, _path: str) -> terraform.Program:
        return terraform.Program(path="/opt/terraform", name="terraform", version="1.11.4")

    monkeypatch.setattr(terraform, "find_program", result)
    world.config = read(CONFIG + WITH_ANSIBLE)
    world.environ |= {"DEPLOY_KEY": "/home/me/.ssh/id", "PATH": ""}
    text = await world.lines()
    assert "ok    terraform  terraform 1.11.4, /opt/terraform" in text
    assert any(line.startswith("ok    ansible    ansible-playbook [core 2.") for line in text)
    unset, no_key = (line for line in text if line.startswith("FAIL  secrets "))
    assert "DB_PASSWORD is not set. Set it in the bot's environment" in unset
    assert "DEPLOY_KEY is not a private key. Set it to the text of the key" in no_key
    assert not any("/home/me" in line for line in text)


async def test_a_missing_terraform_comes_with_its_remedy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def missing(_configured: str | None, _path: str) -> terraform.Program:
        raise ProgramMissingError("looking for terraform", "there is none", remedy="Install it.")

    monkeypatch.setattr(terraform, "find_program", missing)
    world.config = read(CONFIG + WITH_ANSIBLE)
    world.environ |= {"DEPLOY_KEY": "-----BEGIN PRIVATE KEY-----", "DB_PASSWORD": "x"}
    assert single(await world.faults()) == "FAIL  terraform  looking for terraform: there is none. Install it."


async def test_settings_that_are_not_acted_on_are_named_in_one_line(world: World) -> None:
    without_effect = CONFIG.replace('    channel: "#dev"\n', '    channel: "#dev"\n    daemon_checks: {}\n')
    world.config = read(without_effect + WITH_ANSIBLE + "watch: {drift: {every: 1d}}\n")
    notes = [line for line in await world.lines() if line.startswith("note") and "on GitHub" not in line]
    assert len(notes) == 1
    assert notes[0].endswith("have no effect in this version: environments.dev.daemon_checks")
    assert "windows" not in notes[0]


async def test_a_surprise_in_one_check_hides_no_other(world: World, caplog: pytest.LogCaptureFixture) -> None:
    assert world.slack
    world.slack.channels = {}
    world.slack.auth_test = lambda: 1 / 0  # type: ignore[assignment,method-assign,return-value]
    text = await world.lines()
    assert text[0].startswith("FAIL  slack      could not be checked (ZeroDivisionError)")
    assert [line.split()[0] for line in text[1:]] == ["ok", "ok", "ok", "ok", "ok", "ok", "ok", "note"]
    assert "checking slack" in caplog.text


@pytest.mark.parametrize(
    ("branch", "words"),
    [
        ({"protected": True}, "main is protected on GitHub"),
        ({"protected": False}, "main is not protected on GitHub: whoever may push to it decides what runs there"),
        (None, "main is not a branch, so whether it is protected is unknown"),
    ],
)
async def test_whether_a_configured_ref_is_protected_is_reported(
    world: World, branch: dict[str, bool] | None, words: str
) -> None:
    world.hub.branch = branch
    world.config = read(CONFIG + "images: {workflow: deploy-dev.yml}\n")
    notes = [line for line in await world.lines() if line.startswith("note")]
    assert f"dev: {words}" in notes[0]
    assert f"image builds: {words}" in notes[1]


async def test_without_the_permission_the_protection_is_unknown(world: World) -> None:
    world.hub.hidden = {"/branches/"}
    notes = [line for line in await world.lines() if line.startswith("note")]
    assert "main may be protected or not, which we may not read. " in single(notes)
    assert "permission" in single(notes)


async def test_a_ruleset_that_asks_for_pull_requests_protects(world: World) -> None:
    world.hub.branch, world.hub.rules = {"protected": False}, ["deletion", "pull_request"]
    assert "main is protected" in single([line for line in await world.lines() if line.startswith("note")])
