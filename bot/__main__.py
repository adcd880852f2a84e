"""The command line and composition root; no other module reads the process environment."""

from __future__ import annotations

from bot.process import clean_environment, protection

if __name__ == "__main__":
    # Before the other imports, which take half a second in which the environment could be read.
    protection.apply()
    clean_environment.establish()

import asyncio
import gc
import json
import logging
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from bot import command_line, process_log, settings as environment
from bot.config import Config, load
from bot.errors import ConfigError, DatabaseAwayError, Fault, NothingThereError, UserError
from bot.isolation import Proof, workplace_of
from bot.process import private_files, secret_files
from bot.redaction import Redactor
from bot.seals import new_key
from bot.slack import manifest
from bot.slack.blocks import markup
from runners.errors import RunnerError
from runners.results import Connection

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from bot.service import Service


def main(arguments: list[str] | None = None) -> int:
    """Run a command; exit code 0: success, 1: a problem, 2: a faulty configuration or command."""
    chosen = command_line.parser(_COMMANDS).parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except (ConfigError, UserError) as error:
        print(error, file=sys.stderr)
        return 2
    except NothingThereError as error:
        print(
            f"There is no {'database' if chosen.run is _database else 'audit log'} in {error}.",
            "The first start of the bot creates it. Check DATABASE_URL, operations.directory and --config.",
            sep="\n",
            file=sys.stderr,
        )
        return 1
    except DatabaseAwayError as error:
        print(Redactor(environment.secret_values(os.environ, ()))(str(error)), file=sys.stderr)
        return 1
    except RunnerError as error:
        print(error, error.remedy, sep="\n", file=sys.stderr)
        return 1
    except SQLAlchemyError as error:
        problem = next(iter(str(getattr(error, "orig", None) or error).strip().splitlines()), type(error).__name__)
        redact = Redactor(environment.secret_values(os.environ, ()))
        print(redact(f"the database cannot be used: {problem}"), "Check DATABASE_URL.", sep="\n", file=sys.stderr)
        return 1


def _serve(chosen: argparse.Namespace) -> int:
    return _run_service(chosen, executor="serve", listens=True, works=not chosen.no_work)


def _work(chosen: argparse.Namespace) -> int:
    return _run_service(chosen, executor="work", listens=False, works=True)


def _run_service(chosen: argparse.Namespace, *, executor: str, listens: bool, works: bool) -> int:
    config = _configured(chosen)
    settings = environment.read(os.environ, executor=executor)
    redact = Redactor(environment.secret_values(os.environ, config.secret_names, config.words))
    markup.use_keys(settings.signalbox_key.keys("markup"))
    process_log.begin(redact, as_json=settings.log_format == environment.JSON)
    secrets = _secrets_named(config)
    for name in (*environment.OWN_SECRETS, *config.secret_names):
        # Read once; from now on no library and no child can read them here. boto3 reads AWS's own itself.
        os.environ.pop(name, None)

    async def run() -> None:
        path = Path(chosen.config)
        workplace = workplace_of(config, path.parent)
        proof = Proof(config, workplace, path)  # its children run while the service is loaded
        service = await asyncio.to_thread(_load_service)
        await service(config, settings, secrets, redact, works=works).run(workplace, path, proof, listens=listens)
        # Operations under way stop as in a crash, so that the next start resumes them; cancelling would end them.
        logging.shutdown()
        os._exit(0)

    asyncio.run(run())
    return 0


def _load_service() -> type[Service]:
    gc.disable()  # garbage collection would take a sixth of the start and collect nothing
    from bot.service import Service  # noqa: PLC0415  -- commands that only print start without it

    gc.freeze()
    gc.enable()
    return Service


def _check(chosen: argparse.Namespace) -> int:
    from bot.check import check_offline, json_lines, lines  # noqa: PLC0415  -- only this command needs it

    drawn = json_lines if chosen.json else lines
    if chosen.offline:
        print(*drawn(check_offline(load(chosen.config), chosen.config)), sep="\n")
        return 0
    config = _configured(chosen)
    redact = Redactor(environment.secret_values(os.environ, config.secret_names, config.words))

    def report(connections: Sequence[Connection]) -> None:
        for line in drawn(connections):
            print(redact(line), flush=True)

    return asyncio.run(_check_all(config, chosen.config, redact, report))


async def _check_all(
    config: Config, file: Path, redact: Redactor, report: Callable[[Sequence[Connection]], None]
) -> int:
    from bot.check import check  # noqa: PLC0415  -- as above
    from bot.resources import make_github, make_store  # noqa: PLC0415  -- as above
    from bot.slack.client import Chat  # noqa: PLC0415
    from bot.slack.web_api import make_client  # noqa: PLC0415

    token = os.environ.get("SLACK_BOT_TOKEN")
    placeholders = {"SLACK_BOT_TOKEN": token or "-", "SLACK_SIGNING_SECRET": "-", environment.KEY: new_key()}
    settings = environment.read({**placeholders, **os.environ}, executor="check")
    workplace = workplace_of(config, file.parent)
    slack = Chat(make_client(token, settings.slack_api_url), redact) if token else None
    github = make_github(settings)
    # Nothing stays that belongs to this user: the bot may run as another one.
    with private_files.left_as_found(workplace):
        try:
            connections = await check(
                config,
                os.environ,
                slack=slack,
                github=github,
                make_store=lambda: make_store(settings, workplace),
                workplace=workplace,
                file=file,
                report=report,
            )
        finally:
            await github.close()
    if slack and (words := slack.clock.problem(signed=not settings.slack_app_token)):
        remedy = "Let a time service set it (timedatectl set-ntp true)."
        connections.append(Connection("clock", ok=False, detail=words, remedy=remedy))
        report(connections[-1:])
    return 0 if all(connection.ok for connection in connections) else 1


def _init(chosen: argparse.Namespace) -> int:
    from bot.proposal import command  # noqa: PLC0415  -- only this command needs it
    from bot.slack.client import Chat  # noqa: PLC0415
    from bot.slack.web_api import make_client  # noqa: PLC0415

    async def begin() -> str:
        token = os.environ.get("SLACK_BOT_TOKEN")
        redact = Redactor(environment.secret_values(os.environ, ()))
        slack = Chat(make_client(token, os.environ.get("SLACK_API_URL")), redact) if token else None
        ask = command.default if chosen.yes else command.ask
        if chosen.print:
            return (await command.propose(chosen.directory, ask, slack)).removesuffix("\n")
        return await command.init(chosen.directory, chosen.config, ask, slack)

    print(asyncio.run(begin()))
    return 0


def _schema(_: argparse.Namespace) -> int:
    from bot.config import schema  # noqa: PLC0415  -- as above

    print(schema.as_text(), end="")
    return 0


def _key(_: argparse.Namespace) -> int:
    print(new_key())
    return 0


def _aws_policy(chosen: argparse.Namespace) -> int:
    from bot import aws_policy  # noqa: PLC0415  -- only this command needs it

    policy = aws_policy.statements(load(chosen.config), chosen.environment)
    print((aws_policy.as_terraform if chosen.terraform else aws_policy.as_json)(policy))
    return 0


def _manifest(chosen: argparse.Namespace) -> int:
    print(manifest.as_yaml(manifest.manifest_for(chosen.url)), end="")
    return 0


def _audit(chosen: argparse.Namespace) -> int:
    from bot import audit_commands  # noqa: PLC0415  -- as above
    from bot.resources import open_store  # noqa: PLC0415  -- as above

    config = _configured(chosen)
    placeholders = {"SLACK_BOT_TOKEN": "-", "SLACK_SIGNING_SECRET": "-", environment.KEY: new_key()}
    settings = environment.read({**placeholders, **os.environ}, executor="audit")
    with closing(open_store(settings, workplace_of(config, Path(chosen.config).parent))) as store:
        if chosen.action == "export":
            wanted = audit_commands.Export(as_csv=chosen.csv, since=chosen.since, environment=chosen.env)
            return audit_commands.export(store, config, wanted)
        keyring = settings.signalbox_key if os.environ.get(environment.KEY) else None
        return audit_commands.verify_log(store, keyring, config, chosen.anchor)


def _database(chosen: argparse.Namespace) -> int:
    from bot import database_commands  # noqa: PLC0415  -- as above
    from bot.resources import make_store, open_store  # noqa: PLC0415  -- as above

    config = _configured(chosen)
    placeholders = {"SLACK_BOT_TOKEN": "-", "SLACK_SIGNING_SECRET": "-", environment.KEY: new_key()}
    settings = environment.read({**placeholders, **os.environ}, executor="database")
    workplace = workplace_of(config, Path(chosen.config).parent)
    upgrades = chosen.action == "upgrade"
    with closing((make_store if upgrades else open_store)(settings, workplace)) as store:
        return (database_commands.upgrade if upgrades else database_commands.check)(store, workplace)


def _inventory(chosen: argparse.Namespace) -> int:
    from bot.resources import make_aws  # noqa: PLC0415  -- as above
    from handlers.shared.ansible.scope import find_hosts  # noqa: PLC0415  -- only this command needs it
    from runners.aws.client import make_clients  # noqa: PLC0415
    from runners.aws.inventory import ansible_inventory  # noqa: PLC0415

    config = _configured(chosen)
    environment_ = config.find(chosen.environment)
    if environment_ is None:
        raise UserError(
            f"There is no environment {chosen.environment!r}; the environments are {', '.join(config.environments)}."
        )
    place = config.aws_of(environment_)
    clients = make_clients(place) if place else make_aws(config)
    hosts = asyncio.run(find_hosts(config, environment_, clients))
    print(json.dumps(ansible_inventory(hosts), indent=2))
    return 0


def _configured(chosen: argparse.Namespace) -> Config:
    """The configuration; afterwards the secrets that files have are variables of this process too. Raises ConfigError."""
    config = load(chosen.config)
    if private_files.others_may_write(chosen.config):
        problem = f"every user of this machine may change the configuration; type: chmod o-w {chosen.config}"
        raise ConfigError(str(chosen.config), (Fault(None, "", problem),))
    os.environ.update(secret_files.read(os.environ, (*environment.FROM_FILES, *config.secret_names)))
    return config


def _secrets_named(config: Config) -> dict[str, str]:
    missing = sorted(name for name in config.secret_names if not os.environ.get(name))
    if missing:
        # Other environments work without them; an operation that needs a missing variable refuses, and `check` reports it.
        logging.getLogger(__name__).warning(
            "signalbox.yaml refers to variables that are not set: %s", ", ".join(missing)
        )
    return {name: os.environ[name] for name in config.secret_names if os.environ.get(name)}


_COMMANDS = {
    "serve": _serve,
    "work": _work,
    "check": _check,
    "init": _init,
    "schema": _schema,
    "key": _key,
    "aws-policy": _aws_policy,
    "manifest": _manifest,
    "audit": _audit,
    "database": _database,
    "inventory": _inventory,
}

if __name__ == "__main__":
    sys.exit(main())
