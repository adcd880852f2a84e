"""The commands of `python -m bot`, and their arguments."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


PROJECT_FILE = Path(__file__).parents[1] / "pyproject.toml"


def _takes_config(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--config", default=default, metavar="FILE", type=Path, help="the configuration file")


class _Version(argparse.Action):
    """Prints the version; read only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        project = tomllib.loads(PROJECT_FILE.read_text(encoding="utf-8"))["project"]
        parser.exit(message=f"Signalbox {project['version']}\n")


def parser(runs: Mapping[str, Callable[[argparse.Namespace], int]]) -> argparse.ArgumentParser:
    """The parser; the arguments that it returns have the chosen command's function as `run`."""
    whole = argparse.ArgumentParser(prog="python -m bot", description="Signalbox: infrastructure from Slack.")
    whole.add_argument("--version", action=_Version, nargs=0, help="print the version")
    _takes_config(whole, "signalbox.yaml")
    commands = whole.add_subparsers(required=True, metavar="command")

    def add(name: str, summary: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=summary, description=summary)
        _takes_config(made, argparse.SUPPRESS)  # before the command or behind it
        made.set_defaults(run=runs[name])
        return made

    serve = add("serve", "answer Slack and run operations")
    serve.add_argument("--no-work", action="store_true", help="answer Slack only; other processes run the operations")
    add("work", "run operations only, beside a serving process on the same database")
    checked = add("check", "check the configuration, the code that it names, and every connection")
    checked.add_argument("--offline", action="store_true", help="the configuration alone, for the CI of its repository")
    checked.add_argument("--json", action="store_true", help="a JSON object for each line")
    begun = add("init", "write a signalbox.yaml to begin with, from what a clone of your repository has")
    begun.add_argument("directory", nargs="?", default=".", type=Path, help="the clone; this directory by default")
    begun.add_argument("--yes", action="store_true", help="ask nothing; what is not known stays to be filled in")
    begun.add_argument("--print", action="store_true", help="print it instead of writing the file")
    add("schema", "print the JSON Schema of signalbox.yaml, for editors")
    add("key", "print a new SIGNALBOX_KEY")
    policy = add("aws-policy", "print the AWS policy that the configuration needs")
    policy.add_argument(
        "environment", nargs="?", help="the policy of this environment's role, instead of the bot's own"
    )
    policy.add_argument("--terraform", action="store_true", help="as a data source of Terraform, instead of JSON")
    add("manifest", "print the Slack app manifest").add_argument("--url", help="the public URL of the bot")
    _add_records(add)
    return whole


def _add_records(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """The commands for what the bot recorded, and for the machines."""
    log = add("audit", "verify or export the audit log")
    log.add_argument("action", choices=["verify", "export"])
    log.add_argument("--csv", action="store_true", help="export: CSV for spreadsheets instead of lines of JSON")
    log.add_argument("--since", metavar="TIME", help="export: entries since 2d, yesterday or 2026-11-01, in UTC")
    log.add_argument("--env", metavar="NAME", help="export: entries of an environment and its parts")
    log.add_argument("--anchor", metavar="SOURCE", help="its anchors: a file, s3://bucket/prefix, or - for stdin")
    tables = add("database", "report the version of the database, or upgrade it")
    tables.add_argument("action", choices=["check", "upgrade"])
    inventory = add("inventory", "print Ansible's inventory of an environment")
    inventory.add_argument("environment")
    inventory.add_argument("--list", action="store_true", help="no effect; Ansible passes it to inventory scripts")
