"""Checks names that playbooks give to things: tags, groups, variables, collections.

A name that the playbooks lack is misspelled where they have a similar one; else it may be in what they include or install.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.check.nearest import there_is
from runners.ansible import preflight
from runners.errors import RunnerError
from runners.nearest import is_slip, nearest
from runners.processes.foreign_files import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bot.check.result import Findings
    from bot.config import Ansible
    from runners.ansible import PlaybookJob

_MOST_FILES, _MOST_BYTES = 2_000, 1 << 20
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_EXPRESSION = re.compile(
    r"\{\{(.*?)\}\}|\{%(.*?)%\}|^\s*-?\s*(?:when|that|until|failed_when|changed_when|loop):(.*)$", re.MULTILINE
)
# A module, a role or a plugin by its full name, where a task or a play names it.
_FULL_NAME = re.compile(
    r"""(?<![\w./])([a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*)\.[a-z_][a-z0-9_]*(?=["']?\s*(?::|$|\)|,))""", re.MULTILINE
)


async def check_tags(
    job: PlaybookJob, playbooks: Sequence[str], key: str, settings: Ansible, findings: Findings
) -> None:
    """A problem for each configured tag that no task has, where one of a similar name has one.

    Ansible does not list the tags in files that a play includes while it runs: a tag without a similar one may be there.
    """
    wanted = {"tags": settings.tags, "skip_tags": settings.skip_tags}
    if not any(wanted.values()):
        return
    try:
        there = await preflight.tags_of(job, playbooks)
    except RunnerError:
        return  # reported with the playbook
    for name, tags in wanted.items():
        for tag in [tag for tag in tags if tag not in there | preflight.SPECIAL_TAGS]:
            if nearest(tag, there | preflight.SPECIAL_TAGS):
                problem = f"{key}.{name}: no task of {', '.join(playbooks)} has the tag {tag}"
                findings.add_problem(problem, there_is(tag, there | preflight.SPECIAL_TAGS, "there are the tags"))
            else:
                findings.add_fact(f"{key}.{name}: no task is listed with the tag {tag}")


def check_groups(
    job: PlaybookJob, plays: Sequence[preflight.Play], key: str, settings: Ansible, findings: Findings
) -> None:
    """A problem for each configured group that no play names, nor a file of variables, where these name a similar one."""
    named = {name for play in plays for name in play.names}
    named |= {path.stem for path in job.project.rglob("group_vars/*")}
    there = {*named, *preflight.names_of(replace(job.inventory, groups=()))}
    for group in [group for group in settings.groups if group not in there]:
        if (meant := nearest(group, there)) and is_slip(group, meant):
            problem = f"{key}.groups: no play names the group {group}"
            findings.add_problem(problem, there_is(group, there, "there are the groups"))


def check_variables(project: Path, key: str, settings: Ansible, findings: Findings) -> None:
    """A problem for each variable that no file of the playbooks uses, where one uses a similar one."""
    given = {
        "extra_vars": settings.extra_vars,
        "command_inputs": settings.command_inputs,
        "secret_vars": settings.secret_vars,
    }
    if not any(given.values()):
        return
    words, used = set[str](), set[str]()
    for text in _texts(project, "*"):
        words.update(_WORD.findall(text))
        used.update(word for parts in _EXPRESSION.findall(text) for part in parts for word in _WORD.findall(part))
    for name, variables in given.items():
        for variable in [variable for variable in variables if variable not in words]:
            if (meant := nearest(variable, used)) and is_slip(variable, meant):
                problem = f"{key}.{name}: no playbook uses the variable {variable}"
                findings.add_problem(problem, f"Did you mean {meant}?")


def unused_collections(project: Path, settings: Ansible, key: str, findings: Findings) -> bool:
    """Whether a configured collection is a misspelling of one that the playbooks use: a problem for each."""
    wanted = [each.name for each in settings.collections]
    used = set(_used(project)) if wanted else set[str]()
    misspelled = {
        name: meant
        for name in wanted
        if name not in used and (meant := nearest(name, used - {*wanted})) and is_slip(name, meant)
    }
    for name, meant in misspelled.items():
        problem = f"{key}.collections: no task uses the collection {name}"
        findings.add_problem(problem, f"Did you mean {meant}? {there_is(name, used, 'the tasks use')}")
    return bool(misspelled)


def _used(project: Path) -> Iterator[str]:
    """The collections of the modules, roles and plugins that the project's files name in full."""
    for text in _texts(project, "*.y*ml"):
        yield from (name for name in _FULL_NAME.findall(text) if not name.startswith("ansible."))


def _texts(project: Path, pattern: str) -> Iterator[str]:
    """The text of each file, of so many."""
    for number, path in enumerate(each for each in project.rglob(pattern) if each.is_file() and not each.is_symlink()):
        if number == _MOST_FILES:
            return
        if path.name.startswith("signalbox."):
            continue  # has the same mistake
        try:
            yield read_regular(path, most=_MOST_BYTES, root=project).decode("utf-8", "replace")
        except OSError:
            continue
