"""The composition root and command line; nothing else reads the process's environment."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from bot import settings as environment
from bot.config import Config, load
from bot.errors import ConfigError, NothingThereError, UserError
from bot.redaction import RedactingFormatter, Redactor
from bot.slack import manifest
from bot.store import audit
from runners.errors import RunnerError

if TYPE_CHECKING:
    from sqlalchemy import Connection

# At these levels the libraries print whole payloads, response_url and tokens included.
QUIET = ("slack_sdk", "slack_bolt", "dbos", "botocore", "aiohttp.access", "urllib3", "github", "httpx", "pytfe")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code is 0 when it went well, 1 when it did not, 2 for what cannot be used."""
    chosen = _parser().parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except (ConfigError, UserError) as error:
        print(error, file=sys.stderr)
        return 2
    except NothingThereError as error:
        print(
            f"There is no audit trail in {error}.",
            "It begins with the bot's first start; check DATABASE_URL, operations.directory and --config.",
            sep="\n",
            file=sys.stderr,
        )
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
    return _run_service(chosen, executor="serve", listens=True)


def _work(chosen: argparse.Namespace) -> int:
    return _run_service(chosen, executor="work", listens=False)


def _run_service(chosen: argparse.Namespace, *, executor: str, listens: bool) -> int:
    gc.disable()  # a sixth of the start would go by in looking for garbage among modules, where none is
    from bot.service import Service, workplace_of  # noqa: PLC0415  -- commands that only print start without it

    gc.freeze()
    gc.enable()
    config, path = load(chosen.config), Path(chosen.config)
    settings = environment.read(os.environ, executor=executor)
    redact = Redactor(environment.secret_values(os.environ, config.secret_names))
    _log(redact)
    secrets = _secrets_named(config)
    for name in (*environment.OWN_SECRETS, *config.secret_names):
        # Read once; no library and no child finds them here from now on. AWS's own are boto3's to read.
        os.environ.pop(name, None)
    service = Service(config, settings, secrets, redact)
    asyncio.run(_stop_at_once_after(service.run(workplace_of(config, path.parent), listens=listens)))
    return 0


async def _stop_at_once_after(running: object) -> None:
    await running  # type: ignore[misc]
    # Operations under way are left as a crash would leave them, which is what they are made for: cancelling them
    # here would end them instead. The next start goes on with them.
    logging.shutdown()
    os._exit(0)


def _check(chosen: argparse.Namespace) -> int:
    from bot.check import check, lines  # noqa: PLC0415  -- it imports what only this command needs
    from bot.service import make_github, make_store, workplace_of  # noqa: PLC0415  -- as above
    from bot.slack.client import Chat, make_client  # noqa: PLC0415

    config = load(chosen.config)
    redact = Redactor(environment.secret_values(os.environ, config.secret_names))
    token = os.environ.get("SLACK_BOT_TOKEN")
    quiet = {"SLACK_BOT_TOKEN": token or "-", "SLACK_SIGNING_SECRET": "-"}
    settings = environment.read({**quiet, **os.environ}, executor="check")
    workplace = workplace_of(config, Path(chosen.config).parent)

    async def go() -> int:
        slack = Chat(make_client(token, settings.slack_api_url), redact) if token else None
        github = make_github(settings)
        try:
            found = await check(
                config, os.environ, slack=slack, github=github, make_store=lambda: make_store(settings, workplace)
            )
        finally:
            await github.close()
        print(*(redact(line) for line in lines(found)), sep="\n")
        return 0 if all(one.ok for one in found) else 1

    return asyncio.run(go())


def _manifest(chosen: argparse.Namespace) -> int:
    print(manifest.as_yaml(manifest.manifest_for(chosen.url)), end="")
    return 0


def _audit(chosen: argparse.Namespace) -> int:
    from bot.service import open_store, workplace_of  # noqa: PLC0415  -- as above

    config = load(chosen.config)
    settings = environment.read({"SLACK_BOT_TOKEN": "-", "SLACK_SIGNING_SECRET": "-", **os.environ}, executor="audit")
    store = open_store(settings, workplace_of(config, Path(chosen.config).parent))
    try:
        with store.engine.begin() as connection:
            return _read_trail(connection, chosen.action, store.location)
    finally:
        store.close()


def _read_trail(connection: Connection, action: str, place: str) -> int:
    if not audit.exists(connection):
        raise NothingThereError(place)
    if action == "export":
        for line in audit.read_all(connection):
            print(json.dumps(audit.as_json(line)))
        return 0
    fault = audit.first_fault(connection)
    told = f"{audit.summary(connection)}, {place}"
    print(f"{fault} ({told})" if fault else f"The trail is whole: {told}")
    return 1 if fault else 0


def _inventory(chosen: argparse.Namespace) -> int:
    from handlers.deploy.ansible.scope import find_hosts  # noqa: PLC0415  -- only this command needs it
    from runners.aws.client import make_clients  # noqa: PLC0415
    from runners.aws.inventory import ansible_inventory  # noqa: PLC0415

    config = load(chosen.config)
    if chosen.environment not in config.environments:
        raise UserError(f"There is no environment {chosen.environment!r}; there are {', '.join(config.environments)}.")
    clients = make_clients(config.aws.region, config.aws.profile)
    found = asyncio.run(find_hosts(config, config.environments[chosen.environment], clients))
    print(json.dumps(ansible_inventory(found), indent=2))
    return 0


def _secrets_named(config: Config) -> dict[str, str]:
    missing = sorted(name for name in config.secret_names if not os.environ.get(name))
    if missing:
        # The other environments work without them; what needs one of them refuses, and `check` says so too.
        logging.getLogger(__name__).warning("not set, though signalbox.yaml names them: %s", ", ".join(missing))
    return {name: os.environ[name] for name in config.secret_names if os.environ.get(name)}


def _log(redact: Redactor) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(redact))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot", description="Signalbox: infrastructure from Slack.")
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, run: object, summary: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=summary, description=summary)
        made.add_argument("--config", default="signalbox.yaml", metavar="FILE", type=Path)
        made.set_defaults(run=run)
        return made

    add("serve", _serve, "answer Slack and run operations")
    add("work", _work, "run operations only, beside a serving process on the same database")
    add("check", _check, "try every connection and say what is wrong and what to do")
    add("manifest", _manifest, "print the Slack app manifest").add_argument("--url", help="where Slack reaches the bot")
    add("audit", _audit, "verify or export the audit trail").add_argument("action", choices=["verify", "export"])
    inventory = add("inventory", _inventory, "print Ansible's inventory of an environment")
    inventory.add_argument("environment")
    inventory.add_argument("--list", action="store_true", help="the same; Ansible gives it to inventory scripts")
    return parser


if __name__ == "__main__":
    sys.exit(main())
