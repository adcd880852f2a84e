"""What a playbook would reach, before anything runs: Ansible's own reading of it, with the hosts of each play."""

from __future__ import annotations

import ast
import asyncio
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runners.ansible import files as ansible_files
from runners.ansible.files import Places
from runners.ansible.job import check_job, environment_of, listing_argv, room_of, variables_of
from runners.ansible.refusals import complaint_of, in_job, remedy_of
from runners.aws.inventory import group_name, groups_of_all
from runners.errors import NotFoundError, RunnerError
from runners.nearest import nearest
from runners.processes import child
from runners.removal import remove_tree_if_possible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runners.ansible.job import PlaybookJob
    from runners.processes.wall import Room
    from runners.results import Inventory

TIMEOUT = 120.0
HOSTS, TAGS = "--list-hosts", "--list-tags"  # options of ansible-playbook
SPECIAL_TAGS = frozenset({"all", "always", "never", "tagged", "untagged"})
_TAGS = re.compile(r"^ *(?:play #\d+ .*\t)?(?:TASK )?TAGS: \[(.*)\]$", re.MULTILINE)
_PLAYBOOK = re.compile(r"^playbook: (.+)$", re.MULTILINE)
_PLAY = re.compile(r"^  play #\d+ .*\n    pattern: (\[.*\])\n    hosts \(\d+\):((?:\n {6}\S.*)*)", re.MULTILINE)
_ORIGIN = re.compile(r"^Origin: (\S+:\d+)", re.MULTILINE)
_BETWEEN = re.compile(r"[,:](?![^\[]*\])")  # of the parts of a pattern; a range in brackets has a colon too
_NOT_A_NAME = re.compile(r"[*?~]|\{\{")
_HERE = frozenset({"all", "localhost", "127.0.0.1", "::1", "ungrouped"})
_NAMED = 12  # names in an error
_NOT_NAMED = "(secret)"  # stands for a secret variable: what a playbook reaches must not depend on one


@dataclass(frozen=True, slots=True)
class Play:
    """A play: the names in its `hosts`, and the inventory's hosts that these select."""

    names: tuple[str, ...]
    hosts: frozenset[str]


async def plays_of(job: PlaybookJob, playbooks: Sequence[str]) -> dict[str, tuple[Play, ...]]:
    """Ansible's list of the plays of each playbook: it reads them, their roles and what these import, and runs nothing.

    Files are only in a directory of its own in the job's scratch, which is deleted. No secret variable has its value; the vault
    password is there, for Ansible reads encrypted variables before it lists.

    Raises:
        NotFoundError: there is no such playbook.
        RunnerError: Ansible refuses one of the playbooks, for example because of a missing collection.
    """
    return _plays(await _listing(job, playbooks, HOSTS))


async def tags_of(job: PlaybookJob, playbooks: Sequence[str]) -> frozenset[str]:
    """The tags of all tasks, but for those in files that a play includes while it runs. Raises as `plays_of`."""
    text = await _listing(replace(job, tags=(), skip_tags=()), playbooks, TAGS)
    listed = (tag.strip() for tags in _TAGS.findall(text) for tag in tags.split(","))
    return frozenset(filter(None, listed))


async def _listing(job: PlaybookJob, playbooks: Sequence[str], what: str) -> str:
    places = Places(job.scratch.absolute() / "listing")
    for playbook in playbooks:
        check_job(replace(job, playbook=playbook), places)
    argv, room = await asyncio.to_thread(_prepare, job, places, playbooks, what)
    env = environment_of(job, places, forks=1)
    doing = f"reading {', '.join(playbooks)}"
    try:
        answer = await child.run(argv, cwd=job.project, env=env, timeout=TIMEOUT, doing=doing, room=room)
    finally:
        await asyncio.to_thread(remove_tree_if_possible, places.base)
    if answer.exit_code:
        raise _refused(job, doing, answer)
    return answer.stdout


def _prepare(job: PlaybookJob, places: Places, playbooks: Sequence[str], what: str) -> tuple[list[str], Room]:
    variables = ansible_files.variables_text(job.extra_vars, dict.fromkeys(job.secret_vars, _NOT_NAMED))
    ansible_files.prepare(
        places,
        job.inventory,
        variables,
        vault_password=job.vault_password,
        recorded=job.recorded,
        variables_of_groups=variables_of(job),
    )
    return listing_argv(job, places, playbooks, what), room_of(job, places)


def _refused(job: PlaybookJob, doing: str, answer: child.Output) -> RunnerError:
    text = in_job(job, f"{answer.stdout}\n{answer.stderr}")
    complaint, origin = complaint_of(text) or "Ansible refuses the playbook", _ORIGIN.search(text)
    problem = complaint.partition(". This often indicates")[0].rstrip(".")
    problem += f" ({origin[1]})" if origin else ""
    tail = "\n".join(text.strip().splitlines()[-15:])
    return RunnerError(doing, problem, remedy=remedy_of(complaint), exit_code=answer.exit_code, log_tail=tail)


def _plays(text: str) -> dict[str, tuple[Play, ...]]:
    _, *parts = _PLAYBOOK.split(text)
    return {name: tuple(_plays_in(listed)) for name, listed in zip(parts[::2], parts[1::2], strict=True)}


def _plays_in(text: str) -> Iterator[Play]:
    for pattern, hosts in _PLAY.findall(text):
        parts = (part for each in ast.literal_eval(pattern) for part in _BETWEEN.split(str(each)))
        names = (part.strip().lstrip("!&").partition("[")[0] for part in parts)
        yield Play(tuple(dict.fromkeys(filter(None, names))), frozenset(hosts.split()))


def check_reached(plays: Sequence[Play], playbook: str, inventory: Inventory, roles: Sequence[str]) -> None:
    """Check that the playbook reaches a host of each of these roles, unless it names only what the inventory has.

    Raises:
        NotFoundError: no play reaches a role's hosts, and plays name groups or hosts that the inventory lacks.
    """
    reached = frozenset().union(*(play.hosts for play in plays))
    lost = [role for role in roles if not reached & {host.name for host in inventory.hosts if host.machine == role}]
    missing = missing_names(plays, inventory)
    if not lost or not missing:
        return
    named = ", ".join(f"`{name}`" for name in missing)
    raise NotFoundError(
        f"reading {playbook}",
        f"{playbook} names {named}, which {'is' if len(missing) == 1 else 'are'} not in the inventory of "
        f"{inventory.environment}, and reaches no host of {', '.join(lost)}",
        remedy=remedy_for(missing, inventory),
    )


def missing_names(plays: Sequence[Play], inventory: Inventory) -> tuple[str, ...]:
    """The groups and hosts that plays name and the inventory does not have."""
    there = {*names_of(inventory), *_HERE}
    names = dict.fromkeys(name for play in plays for name in play.names if not _NOT_A_NAME.search(name))
    return tuple(name for name in names if name not in there)


def names_of(inventory: Inventory) -> tuple[str, ...]:
    """The groups of an inventory, then its hosts."""
    hosts = [host.name for host in inventory.hosts]
    if inventory.own_groups:
        return tuple(dict.fromkeys([*inventory.own_groups, *inventory.groups, *hosts]))
    groups = [group_name(host.machine) for host in inventory.hosts]
    own = [group_name(inventory.environment), *groups_of_all(inventory)]
    return tuple(dict.fromkeys([*groups, *own, *hosts]))


def remedy_for(missing: Sequence[str], inventory: Inventory) -> str:
    """What to do about names that the inventory does not have: what it has, and the key that adds a group."""
    there = names_of(inventory)
    similar = nearest(missing[0], there)
    meant = f"Did you mean `{similar}`? " if similar else ""
    key = f"environments.{inventory.environment}.deploy.ansible.groups"
    return (
        f"{meant}The inventory has {', '.join(there[:_NAMED])}. "
        f"Correct `hosts:`, or add the group to {key}: every host is then in it."
    )
