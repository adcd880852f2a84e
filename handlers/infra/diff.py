"""/infra diff: what one environment has that another has not: code, images, machines, Terraform's variables, daemons."""

from __future__ import annotations

import logging
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from bot.access import arguments
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Topic
from handlers.infra import diff_views as views, state
from handlers.infra.diff_views import CodeChange, Comparison, VariableChange, Variables
from handlers.infra.topics import answer_afterwards
from runners.aws import amis
from runners.concurrency import run_blocking, together
from runners.errors import RunnerError
from runners.github import commits, folder, pulls
from runners.github.api.reads import CachedReads
from runners.terraform import variable_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config import Config, Environment
    from bot.config.models.environment import Terraform
    from bot.operations.registry import Invocation
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from handlers.infra.state import Snapshot
    from handlers.infra.state_views import Card
    from runners.results import Image
    from runners.terraform.variable_values import Values

log = logging.getLogger(__name__)
HINT = f"<environment> <environment> [{' | '.join(views.SECTIONS)}]"
USAGE = f"/infra diff {HINT}"
TIMEOUT, PARSING = 20.0, 5.0  # seconds
MOST_PULLS = 15  # commits of a service whose pull requests are looked up


async def topic(services: Services, invocation: Invocation, words: Sequence[str]) -> Message:
    """Compare two environments; the answer follows, as AWS and GitHub are asked."""
    config, first, second, section = await _chosen(services, invocation.user, words)

    async def compare() -> Message:
        return views.page(await _compare(services, config, first, second), section)

    return answer_afterwards(services, invocation, compare())


async def _chosen(services: Services, user: str, words: Sequence[str]) -> tuple[Config, Environment, Environment, str]:
    """What this person may see, the two environments and the section. Raises UserError, and Denied for one that this person may not see."""
    if len(words) < 2:
        raise UserError(f"Name two environments to compare. Usage: {USAGE}")
    config = services.config
    for word in words[:2]:
        config = await requests.visible_to(services, user, "/infra diff", word, "see")
    first, second = (arguments.environment(config, word, USAGE) for word in words[:2])
    if first.name == second.name:
        raise UserError(f"Both are {first.name}. Name two environments to compare. Usage: {USAGE}")
    section = words[2] if len(words) > 2 else ""
    if section and section not in views.SECTIONS:
        raise UserError(f"There is no section {arguments.quoted(section)}{arguments.nearest(section, views.SECTIONS)}")
    return config, first, second, section


async def _compare(services: Services, config: Config, first: Environment, second: Environment) -> Comparison:
    snapshot = await state.read(services)
    both = {each.name: each for whole in (first, second) for each in _parts(config, whole)}
    shared = config.model_copy(update={"environments": both})
    await services.observations.refresh(state.wanted(shared, snapshot))
    here, there = (state.card(services, shared, each, snapshot, ()) for each in (first, second))
    code = await together(*(_code(services, *pair, snapshot) for pair in _pairs(config, first, second, "deploy")))
    return Comparison(
        await _with_commits(services, here),
        await _with_commits(services, there),
        tuple(code),
        await _variables(services, _pairs(config, first, second, "terraform")),
        (_daemons(config, first), _daemons(config, second)),
        await _bases(services, first, (here, there)),
    )


def _parts(config: Config, environment: Environment) -> list[Environment]:
    return [each for each in config.environments.values() if environment.name in (each.name, each.whole)]


def _pairs(config: Config, first: Environment, second: Environment, what: str) -> list[tuple[Environment, Environment]]:
    """The parts of both that are called the same and have a deploy, or Terraform; a single one of each is a pair too."""
    ours, theirs = ([each for each in _parts(config, whole) if getattr(each, what)] for whole in (first, second))
    if len(ours) == len(theirs) == 1:
        return [(ours[0], theirs[0])]
    by_part = {each.part: each for each in theirs}
    return [(each, by_part[each.part]) for each in ours if each.part in by_part]


async def _code(services: Services, first: Environment, second: Environment, snapshot: Snapshot) -> CodeChange:
    here, there = (state.service(services, each, snapshot) for each in (first, second))
    name, repository = first.part, services.config.repository_of(first)
    if not (here.deployed and there.deployed):
        return CodeChange(name, here, there)
    if services.config.repository_of(second) != repository:
        return CodeChange(name, here, there, problem="they are deployed from two repositories")
    reads = CachedReads(services.github)
    try:
        difference = await commits.difference(reads, repository, there.sha, here.sha)
    except RunnerError as error:
        log.info("comparing %s and %s: %s", first.name, second.name, error.problem)
        return CodeChange(name, here, there, problem=services.redact(error.problem))
    listed = [each.sha for each in (*difference.commits, *difference.lost)][:MOST_PULLS]
    try:
        return CodeChange(name, here, there, difference, await pulls.merged_with(reads, repository, listed))
    except RunnerError as error:
        problem = f"the pull requests could not be read: {services.redact(error.problem)}"
        return CodeChange(name, here, there, difference, problem=problem)


async def _with_commits(services: Services, card: Card) -> Card:
    """The card with the commits of images that Signalbox followed, where no tag has them."""
    recorded = {each: await services.images.get(each) for each in _unknown(card)}
    return state.with_commits(card, {name: image.sha for name, image in recorded.items() if image})


def _unknown(card: Card) -> list[str]:
    return [image.image_id for role in card.roles or () for image in role.images if not image.commit]


async def _bases(services: Services, environment: Environment, cards: Sequence[Card]) -> Mapping[str, Image]:
    images = [image for card in cards for role in card.roles or () for image in role.images]
    bases = {image.base for image in images if image.base}
    try:
        return await amis.describe(services.aws_of(environment).ec2, bases, timeout=TIMEOUT) if bases else {}
    except RunnerError as error:
        log.info("the bases of images: %s", error.problem)
        return {}


async def _variables(services: Services, stacks: Sequence[tuple[Environment, Environment]]) -> Variables:
    changes, hidden, unread = list[VariableChange](), 0, list[str]()
    for pair in stacks:
        try:
            here, there = await together(*(_values(services, each) for each in pair))
        except RunnerError as error:
            unread.append(f"variables of {pair[0].name} and {pair[1].name}: {services.redact(error.problem)}")
            continue
        secret = here.hidden | there.hidden
        hidden += len(secret)
        differing = variable_values.differences(here, there)
        changes += [VariableChange(pair[0].part, *difference) for difference in differing]
    return Variables(tuple(changes), hidden, tuple(unread))


async def _values(services: Services, environment: Environment) -> Values:
    """The variables as the code has them at the configured ref. Raises RunnerError."""
    settings, doing = environment.terraform, f"reading the variables of {environment.name}"
    if settings is None or settings.directory is None:
        raise RunnerError(doing, f"{environment.name} is not planned from a directory of the repository")
    repository = services.config.repository_of(environment)
    suffixes = (*variable_values.CODE, *variable_values.VALUES)
    files = await folder.read_folder(services.github, repository, str(settings.directory), settings.ref, suffixes)
    given = [
        await folder.read_file(services.github, repository, str(PurePosixPath(path)), settings.ref)
        for path in settings.var_files
    ]
    return await _parsed(files, given, settings, doing)


async def _parsed(files: Mapping[str, bytes], given: Sequence[bytes], settings: Terraform, doing: str) -> Values:
    try:
        values = await run_blocking(
            variable_values.read, files, given, settings.environment, timeout=PARSING, doing=doing
        )
    except (ValueError, RecursionError) as error:
        raise RunnerError(doing, f"a file of values cannot be read: {error}") from None
    secret = {name.removeprefix(variable_values.PREFIX) for name in settings.secret_environment}
    public = {name: text for name, text in values.values.items() if name not in secret}
    return variable_values.Values(public, values.hidden | (secret & values.values.keys()))


def _daemons(config: Config, environment: Environment) -> dict[str, tuple[str, ...]]:
    return {role: tuple(names) for each in _parts(config, environment) for role, names in each.daemons.items()}


TOPICS = (Topic("diff", HINT, "What one environment has that another has not.", topic, most=3),)
