"""/infra logs: the logs of an operation, or of a run on GitHub."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.access import arguments, policy
from bot.errors import UserError
from bot.operations import requests
from bot.operations.follow_ups import linked
from bot.operations.registry import Topic
from bot.slack.blocks import kit
from handlers.logs.delivery import Log, deliver
from handlers.shared.operation_logs import of_run, sources_of
from runners.github.runs.listing import run_with_jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.operations.registry import Invocation
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record
    from handlers.shared.operation_logs import LogSource

HINT = "<operation or run url> [job|host]"
USAGE = "/infra logs 12 [job|host]"
COMMAND = "/infra logs"
MOST_WORDS = 12  # of a job's name
LONGEST_NUMBER = 9
_RUN = re.compile(
    r"https?://[^/]+/([\w.-]+/[\w.-]+)/actions/runs/(\d{1,18})(?:/(?:attempts/\d+|job/(\d{1,18})))*/?(?:[?#].*)?"
)


async def topic(services: Services, invocation: Invocation, words: Sequence[str]) -> Message:
    """The log of an operation, or of a run by its address; of several, the one that is named, else the first that failed."""
    wanted, named = (words[0].strip("<>").removeprefix("#"), " ".join(words[1:])) if words else ("", "")
    if match := _RUN.fullmatch(wanted.partition("|")[0]):
        return await _of_run(services, invocation, match, named)
    if not (wanted.isascii() and wanted.isdecimal() and len(wanted) <= LONGEST_NUMBER):
        raise UserError(f"Which operation or run? Usage: {USAGE}, or {COMMAND} with the address of a run on GitHub.")
    record = await visible_record(services, invocation.user, int(wanted))
    sources = await sources_of(services, record)
    if not sources:
        where = await linked(services, record)
        raise UserError(
            f"#{record.number} has no log that I could read: what there is, is in its thread ({where.url or 'above'})."
        )
    source = chosen(sources, named)
    text = await source.read()
    if not text:
        raise UserError(_none_of(source, f"#{record.number}", sources))
    if named in source.hosts:
        text = lines_of(text, named)
    return await deliver(
        services, invocation.user, Log(f"{named or source.name} of #{record.number}", text, source.url), record
    )


async def visible_record(services: Services, user: str, number: int) -> Record:
    """The operation. Raises UserError, with the same words, where it is unknown and where this person may not see it."""
    person = await services.directory.person(user)
    try:
        record = await services.operations.get(number)
    except LookupError:
        record = None
    if record is None or not policy.sees(services.config, person, record.environment):
        raise UserError(f"There is no operation #{number} that you may see. `/infra history` lists the newest.")
    return record


async def _of_run(services: Services, invocation: Invocation, match: re.Match[str], named: str) -> Message:
    repository = next((each for each in services.config.repositories if each.lower() == match[1].lower()), "")
    if not repository:
        near = arguments.nearest(match[1], services.config.repositories)
        raise UserError(f"I read runs of the configured repositories only{near}")
    run_id, job_id = int(match[2]), match[3]
    number = await services.run_claims.operation_of(run_id)
    record = await visible_record(services, invocation.user, number) if number is not None else None
    if record is None:
        await _check_sees_all(services, invocation.user, repository)
    run = await run_with_jobs(services.github, repository, run_id)
    sources = of_run(services, run) if run else ()
    if run is None or not sources:
        why = "has no such run (any more)" if run is None else "has no job that has ended yet"
        raise UserError(f"{repository} {why}: {run_id}. A run's log is there once a job of it has ended.")
    of_job = [source for source in sources if job_id and source.url.endswith(f"/job/{job_id}")]
    source = of_job[0] if of_job else chosen(sorted(sources, key=lambda each: not each.failed), named)
    text = await source.read()
    if not text:
        raise UserError(_none_of(source, f"run {run_id}", sources))
    return await deliver(services, invocation.user, Log(f"{source.name} of run {run.number}", text, source.url), record)


async def _check_sees_all(services: Services, user: str, repository: str) -> None:
    """A run that belongs to no operation may be of any environment of its repository: a reader has to see them all."""
    config, person = services.config, await services.directory.person(user)
    of_it = [each for each in config.environments.values() if config.repository_of(each) == repository]
    for environment in of_it:
        if not policy.sees(config, person, environment.name):
            raise UserError("That run belongs to no operation that you may see.")
    await requests.check_may_use(services, user, COMMAND, "plan")


def chosen(sources: Sequence[LogSource], named: str) -> LogSource:
    """The source of this name, or with this host; without a name the first. Raises UserError with the nearest name."""
    if not named:
        return sources[0]
    by_name = [each for each in sources if named.lower() in (each.name.lower(), *map(str.lower, each.hosts))]
    within = by_name or [each for each in sources if named.lower() in each.name.lower()]
    if not within:
        names = [*(each.name for each in sources), *(host for each in sources for host in each.hosts)]
        raise UserError(f"There is no job or host {arguments.quoted(named)}{arguments.nearest(named, names)}")
    return within[0]


def lines_of(text: str, host: str) -> str:
    """The paragraphs of a playbook's output that name a host."""
    parts = re.split(r"\n(?=TASK |PLAY |\S+: \S)", text)
    return "\n".join(part for part in parts if host in part) or text


def _none_of(source: LogSource, of: str, sources: Sequence[LogSource]) -> str:
    others = ", ".join(each.name for each in sources if each is not source)
    more = f" Others: {kit.cut(others, 200)}." if others else ""
    return f"There is no log of {source.name} of {of} (any more): GitHub keeps logs for 90 days by default.{more}"


TOPICS = (Topic("logs", HINT, "A log of an operation or run, with the first sign of trouble.", topic, free_text=True),)
