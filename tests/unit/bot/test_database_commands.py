"""`python -m bot database`: what it reports, what it upgrades, and what it refuses, in words."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig

from bot import __main__ as command_line
from bot.engine.schema import supported_schema
from bot.seals import new_key
from bot.store import migrations
from bot.store.database import Store
from bot.store.migrations import REVISION, VERSION_TABLE
from tests.unit.bot.test_main import CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]


class Bot:
    """The commands on one database, as processes."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory = directory
        self.config = directory / "signalbox.yaml"
        self.config.write_text(CONFIG)
        self.url = url
        self.store = Store(url)

    def environment(self) -> dict[str, str]:
        tokens = {"SLACK_BOT_TOKEN": "-", "SLACK_SIGNING_SECRET": "-", "SLACK_API_URL": "http://127.0.0.1:9/api/"}
        return {"PATH": os.environ["PATH"], "DATABASE_URL": self.url, "SIGNALBOX_KEY": new_key(), **tokens}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "bot", *arguments, "--config", str(self.config)]
        to = subprocess.STDOUT
        return subprocess.Popen(argv, cwd=ROOT, env=self.environment(), stdout=subprocess.PIPE, stderr=to, text=True)

    def run(self, *arguments: str) -> tuple[int, str]:
        """In this process, which is quicker."""
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out, redirect_stderr(out):
            for name in ("SIGNALBOX_EXECUTOR", "DYNO", "PORT", "SLACK_APP_TOKEN"):
                patch.delenv(name, raising=False)
            for name, value in self.environment().items():
                patch.setenv(name, value)
            code = command_line.main([*arguments, "--config", str(self.config)])
        assert "Traceback" not in out.getvalue()
        return code, out.getvalue()

    def change(self, statement: str) -> None:
        with self.store.engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def make(self, revision: str) -> None:
        """The tables as an older version left them."""
        with self.store.engine.begin() as connection:
            config = AlembicConfig(attributes={"connection": connection})
            config.set_main_option("script_location", str(Path(migrations.__file__).parent))
            command.upgrade(config, revision)
        self.store.close()  # which also removes SQLite's other files
        if self.store.file:
            self.store.file.chmod(0o600)


@pytest.fixture
def bot(tmp_path: Path, url: str) -> Iterator[Bot]:
    made = Bot(tmp_path, url)
    yield made
    made.store.close()


def test_an_older_database_is_reported_and_upgraded_with_the_advice_to_back_it_up(bot: Bot) -> None:
    bot.make("0002")
    code, output = bot.run("database", "check")
    supported = supported_schema(bot.store.engine.dialect.name)
    backup = "sqlite3 " if bot.store.file else "pg_dump "
    first, then, advice = output.splitlines()
    assert code == 1
    assert first == (
        f"{bot.store.location}: revision 0002; this version works with revision {REVISION}, engine's tables 0 of {supported}"
    )
    assert then == "The next start upgrades it; so does `python -m bot database upgrade`."
    assert advice.startswith("An upgrade cannot be undone: the way back is a backup from before. Make one: " + backup)
    code, output = bot.run("database", "upgrade")
    assert code == 0
    assert output.splitlines()[1:3] == [advice, f"Upgraded from revision 0002 to revision {REVISION}."]
    code, output = bot.run("database", "upgrade")
    assert (code, output.splitlines()[1]) == (0, f"No changes were made: the tables are at revision {REVISION}.")
    code, output = bot.run("database", "check")
    assert f"revision {REVISION}, the newest that this version knows" in output


def test_two_upgrades_at_once_do_it_once(bot: Bot) -> None:
    bot.make("0001")
    both = [bot.start("database", "upgrade") for _ in range(2)]
    outputs = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted("Upgraded from revision 0001" in output for output in outputs) == [False, True], outputs
    assert sum("No changes were made" in output for output in outputs) == 1


@pytest.mark.slow("a start of the bot, which refuses")
@pytest.mark.parametrize("what", ["revision", "engine", "column"])
def test_a_newer_database_is_refused_by_every_command_in_words(bot: Bot, what: str) -> None:
    bot.make("head")
    if what == "revision":
        bot.change(f"UPDATE {VERSION_TABLE} SET version_num = '0999'")  # noqa: S608  -- a constant
    elif what == "column":
        bot.change("ALTER TABLE signalbox_operations RENAME COLUMN status TO state")
    else:
        schema = "" if bot.store.file else "dbos."
        if schema:
            bot.change("CREATE SCHEMA dbos")
        bot.change(f"CREATE TABLE {schema}dbos_migrations (version INTEGER)")
        bot.change(f"INSERT INTO {schema}dbos_migrations VALUES (9999)")  # noqa: S608  -- a constant
    bot.store.close()
    before = sa.inspect(bot.store.engine).get_table_names()
    bot.store.close()
    for arguments in (("database", "check"), ("database", "upgrade"), ("check",), ("work",)):
        if arguments == ("work",):
            with bot.start(*arguments) as process:
                output = process.communicate()[0]
            code = process.returncode
            assert "Traceback" not in output
        else:
            code, output = bot.run(*arguments)
        words = {
            "revision": f"at revision 0999, of a newer Signalbox; this one works with {REVISION}. Start the newer program",
            "engine": "at version 9999, of a newer Signalbox; this one works with ",
            "column": "its table signalbox_operations has no status",
        }[what]
        assert words in output, (arguments, output)
        assert "SELECT" not in output
        assert code == (1 if arguments == ("check",) else 2)
    assert sa.inspect(bot.store.engine).get_table_names() == before


def test_without_a_database_check_makes_none(bot: Bot) -> None:
    if not bot.store.file:
        assert "no tables yet" in bot.run("database", "check")[1]
        return
    code, output = bot.run("database", "check")
    assert (code, output.splitlines()[0]) == (1, f"There is no database in {bot.store.location}.")
    assert bot.run("check")[0] == 1
    assert sorted(path.name for path in bot.directory.iterdir()) == ["signalbox.yaml"]
