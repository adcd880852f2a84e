"""Inventories that Ansible's plugin amazon.aws.aws_ec2 makes from a file of the repository: run once, and recorded.

The plugin runs behind the wall, alone with its file and the environment's AWS credentials. All else (`group_vars`, playbooks)
reads what it has found, by the plugin in `inventory_plugin`, without credentials.
Sources: "amazon.aws.aws_ec2 inventory" of Ansible's documentation, plugin_utils/inventory.py of the collection.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from runners import foreign_yaml
from runners.ansible import files as ansible_files
from runners.ansible.files import Places
from runners.ansible.galaxy import search_paths
from runners.ansible.job import environment_of, room_of
from runners.ansible.listing import parse
from runners.ansible.refusals import complaint_of
from runners.errors import AccessDeniedError, ProgramMissingError, RunnerError, UnavailableError
from runners.processes import child
from runners.processes.foreign_files import read_regular
from runners.removal import remove_tree_if_possible
from runners.ssh.keys import write_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from runners.ansible.job import PlaybookJob

    Listing = dict[str, Any]

PLUGIN = "amazon.aws.aws_ec2"
COLLECTION = "amazon.aws"
TIMEOUT = 180.0  # it asks each region, and AWS may throttle
_SUFFIXES = ("aws_ec2.yml", "aws_ec2.yaml")  # the plugin takes no other file
_NAMES = frozenset({PLUGIN, "aws_ec2"})
_LONGEST_FILE = 1 << 20
_LONGEST = 64 << 20  # bytes of a list
# With these it would ask with other credentials than those of the environment.
_CREDENTIALS = frozenset(
    [
        "profile",
        "aws_profile",
        "boto_profile",
        "access_key",
        "aws_access_key",
        "aws_access_key_id",
        "ec2_access_key",
        "secret_key",
        "aws_secret_key",
        "aws_secret_access_key",
        "ec2_secret_key",
        "session_token",
        "aws_session_token",
        "aws_security_token",
        "security_token",
        "access_token",
    ]
)
_NO_COLLECTION = re.compile(r"Failed to load inventory plugin|No inventory plugins available|Error loading plugin")
_CAUSE = re.compile(r"Failed to parse inventory with .+? plugin: (.+)")
_NO_BOTO3 = re.compile(
    r"boto(?:core|3)\b.{0,80}(?:required|import|install)|import.{0,60}\bboto(?:core|3)", re.IGNORECASE
)
_SILENT = re.compile(r"Could not connect to the endpoint|Connect timeout|Read timeout|Could not resolve", re.IGNORECASE)
_OF_AWS = re.compile(
    r"Failed to describe|Unable to assume role|An error occurred \(|Unable to locate credentials|Insufficient cred"
)


def configurations(source: Path) -> tuple[Path, ...]:
    """The files of this inventory that are for the plugin."""
    return tuple(path for path in _below(source) if path.name.endswith(_SUFFIXES) and path.is_file())


def _below(source: Path) -> Iterator[Path]:
    if source.is_dir():
        yield from sorted(source.rglob("*"))
    else:
        yield source


async def record(job: PlaybookJob, source: str, credentials: Mapping[str, str], doing: str) -> dict[str, Listing]:
    """What the plugin finds now, for each of its files by its whole path; empty without such a file.

    `credentials` are variables of the environment that the plugin asks AWS with. `job` has the project, what was installed, its scratch.

    Raises:
        AccessDeniedError: the file names credentials of its own; or AWS refuses those of the environment.
        ProgramMissingError: the collection is missing, or boto3.
        RunnerError: the plugin cannot read the file, or AWS does not answer.
    """
    recorded = {}
    for path in configurations(job.project / source):
        plugin = await asyncio.to_thread(_checked, job, path, doing)
        recorded[str(path.absolute())] = await _found(job, path, plugin, credentials, doing)
    return recorded


def _checked(job: PlaybookJob, path: Path, doing: str) -> str:
    """The name that the file has for the plugin. Raises as `record`."""
    name = path.relative_to(job.project)
    try:
        written = foreign_yaml.load(read_regular(path, most=_LONGEST_FILE, root=job.root or job.project))
    except foreign_yaml.UnreadableYamlError as error:
        raise RunnerError(doing, f"{name} is no YAML that can be read ({error})", remedy="Correct it.") from None
    options = written if isinstance(written, dict) else {}
    if options.get("plugin") not in _NAMES:
        problem = f"{name} is for the plugin {str(options.get('plugin'))[:60]}, and Signalbox runs only {PLUGIN}"
        raise AccessDeniedError(doing, problem, remedy="List the hosts in a file, or use this plugin.")
    if named := sorted(_CREDENTIALS & options.keys()):
        problem = f"{name} has {', '.join(named)}, and Signalbox asks AWS with the credentials of the environment alone"
        raise AccessDeniedError(doing, problem, remedy="Set `aws` of the environment, and remove them there.")
    return str(options["plugin"])


async def _found(job: PlaybookJob, path: Path, plugin: str, credentials: Mapping[str, str], doing: str) -> Listing:
    """The plugin's own list: it runs on a copy of the file, where no variables of groups and hosts are."""
    places = Places(job.scratch.absolute() / "ec2-plugin")
    copied, output = places.data / "alone" / path.name, places.base / "list.json"

    def prepare() -> None:
        ansible_files.prepare(places, job.inventory, ansible_files.variables_text({}, {}))
        copied.parent.mkdir(mode=0o700)
        text = read_regular(path, most=_LONGEST_FILE, root=job.root or job.project).decode("utf-8", "replace")
        write_secret(copied, text)

    await asyncio.to_thread(prepare)
    try:
        argv = ["ansible-inventory", "--list", "-i", str(copied), "--playbook-dir", str(copied.parent)]
        enabled = {"ANSIBLE_INVENTORY_ENABLED": plugin, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True"}
        paths = search_paths(job.project, job.installed or places.home, job.root or job.project)
        collections = f"{paths['ANSIBLE_COLLECTIONS_PATH']}:{job.project.absolute() / 'collections'}"
        env = {
            **environment_of(job, places, forks=1),
            **enabled,
            "ANSIBLE_COLLECTIONS_PATH": collections,
            **credentials,
        }
        answer = await child.run(
            argv, cwd=job.project, env=env, timeout=TIMEOUT, doing=doing, room=room_of(job, places), stdout_to=output
        )
        if answer.exit_code:
            raise _failed(answer.stderr, str(path.relative_to(job.project)), doing, answer.exit_code)
        return parse(await asyncio.to_thread(read_regular, output, most=_LONGEST, root=places.base))
    finally:
        await asyncio.to_thread(remove_tree_if_possible, places.base)


def _failed(text: str, name: str, doing: str, exit_code: int) -> RunnerError:
    tail = "\n".join(text.strip().splitlines()[-15:])
    matched = _CAUSE.search(text)
    cause = matched[1][:300].strip().rstrip(".") if matched else ""
    if _NO_BOTO3.search(cause):
        remedy = "Install boto3 where ansible-playbook is, or Ansible beside Signalbox."
        return ProgramMissingError(doing, f"{name} needs boto3, which Ansible's Python does not have", remedy=remedy)
    if _SILENT.search(cause):
        return UnavailableError(
            doing, f"{name}: {cause}", remedy="Check the network of the bot's machine, and `regions`."
        )
    if _OF_AWS.search(cause):
        remedy = (
            "The credentials of `aws` need ec2:DescribeInstances, and ec2:DescribeRegions where `regions` is not set."
        )
        return AccessDeniedError(doing, f"{name}: {cause}", remedy=remedy)
    if not cause and _NO_COLLECTION.search(text):
        problem = f"{name} needs the collection {COLLECTION}, which is not installed"
        remedy = (
            f"Add `{COLLECTION}` to deploy.ansible.collections, or name it in requirements.yml beside the playbooks."
        )
        return ProgramMissingError(doing, problem, remedy=remedy)
    complaint = cause or complaint_of(text) or (text.strip().splitlines() or ["the plugin cannot read it"])[-1][:300]
    return RunnerError(doing, f"{name}: {complaint}", remedy="Correct it.", exit_code=exit_code, log_tail=tail)
