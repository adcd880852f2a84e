"""Which secrets workflows use, from their files: `secrets.NAME`, `secrets['NAME']`, `secrets: inherit`, and `id-token: write`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from runners import foreign_yaml
from runners.concurrency import run_blocking
from runners.errors import NotFoundError
from runners.github.folder import read_folder
from runners.github.runs.workflow_file import FOLDER, LONGEST, PARSING
from runners.results.secrets import SecretUse, WorkflowSecrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.github import GitHub

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TEXT = re.compile(r"'(?:[^']|'')*'")
_BY_NAME = re.compile(r"(?<![\w.])secrets\s*\.\s*([A-Za-z_][\w-]*)", re.IGNORECASE)
_BY_INDEX = re.compile(r"(?<![\w.])secrets\s*\[\s*'([A-Za-z_][\w-]*)'\s*\]", re.IGNORECASE)
_ANY = re.compile(r"(?<![\w.])secrets(?!\s*\.\s*[A-Za-z_])(?!\w)", re.IGNORECASE)
OWN = "GITHUB_TOKEN"  # GitHub makes it for each run


async def read_all(github: GitHub, repository: str) -> tuple[WorkflowSecrets, ...]:
    """What the workflows of the default branch say of secrets; none where there is no folder of workflows.

    Raises:
        RunnerError: or one of its kinds; GitHub does not answer, or has too many files.
    """
    doing = f"reading the workflows of {repository}"
    about = (await github.get(repository, f"/repos/{repository}", doing=doing)).data
    try:
        files = await read_folder(github, repository, FOLDER, str(about["default_branch"]), (".yml", ".yaml"))
    except NotFoundError:
        return ()
    return await run_blocking(lambda: tuple(map(parse, files, files.values())), timeout=PARSING, doing=doing)


def parse(file: str, text: bytes) -> WorkflowSecrets:
    """What one file says; nothing of one that is no workflow, which GitHub does not run either."""
    try:
        raw = foreign_yaml.load(text[:LONGEST])
    except ValueError:
        return WorkflowSecrets(file)
    if not isinstance(raw, dict):
        return WorkflowSecrets(file)
    uses, inherits, takes_all = dict[SecretUse, None](), list[str](), False
    for part, environment in _parts(raw):
        for expression in _expressions(part):
            names, unknown = _named(expression)
            takes_all |= unknown
            uses |= {SecretUse(name, file, environment): None for name in names if name != OWN}
    jobs = [job for job in _mapping(raw.get("jobs")).values() if isinstance(job, dict)]
    inherits = [str(job.get("uses", "")) for job in jobs if job.get("secrets") == "inherit"]
    oidc = any(_may_ask(each.get("permissions")) for each in [raw, *jobs])
    return WorkflowSecrets(file, tuple(uses), tuple(dict.fromkeys(inherits)), _declared(raw), takes_all, oidc)


def _parts(raw: dict[Any, Any]) -> Iterator[tuple[Any, str | None]]:
    """Each job with its environment, and what belongs to none."""
    yield {key: value for key, value in raw.items() if key != "jobs"}, ""
    for job in _mapping(raw.get("jobs")).values():
        environment = _mapping(job).get("environment", "")
        name = environment.get("name", "") if isinstance(environment, dict) else environment
        yield job, None if "${{" in str(name) else str(name)


def _expressions(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _EXPRESSION.findall(value)
    elif isinstance(value, dict):
        for key, each in value.items():
            # The condition of a job or step is an expression without its braces too.
            yield from [each] if key == "if" and isinstance(each, str) and "${{" not in each else _expressions(each)
    elif isinstance(value, list):
        for each in value:
            yield from _expressions(each)


def _named(expression: str) -> tuple[set[str], bool]:
    """The names of secrets in an expression, in capitals; and whether it takes others by a name that it computes."""
    without_index = _BY_INDEX.sub("", expression)
    bare = _TEXT.sub("''", without_index)
    names = {*_BY_INDEX.findall(expression), *_BY_NAME.findall(bare)}
    return {name.upper() for name in names}, bool(_ANY.search(bare))


def _declared(raw: dict[Any, Any]) -> frozenset[str]:
    on = _mapping(raw.get("on", raw.get(True)))  # YAML 1.1 reads the bare word `on` as true
    declared = _mapping(_mapping(on.get("workflow_call")).get("secrets"))
    return frozenset(str(name).upper() for name in declared)


def _may_ask(permissions: Any) -> bool:
    return permissions == "write-all" or _mapping(permissions).get("id-token") == "write"


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}
