"""/infra secret set: an approval where the environment wants one, a link for the requester alone, and the value's own page.

The page writes the value to its place and forgets it. It is in no record: a page that was interrupted leaves the operation
waiting, and the person enters the value again.
"""

from __future__ import annotations

import hashlib
import secrets as random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.access import arguments, policy
from bot.access.rights import needed_for
from bot.errors import Denied, UserError
from bot.operations import authority, requests
from bot.operations.pages import Answered, Page
from bot.operations.registry import Button, Topic
from bot.operations.requests import OperationRequest
from bot.store.audit import Entry
from bot.store.operations import Status
from handlers.secrets import entry_page, entry_views as views, places
from handlers.shared import permissions
from handlers.shared.clicks import clicked
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config import Config, Environment
    from bot.config.models.secrets import SecretPlace
    from bot.operations.registry import Click, Invocation
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record

KIND, NAME = "set secret", "name"
HINT = "set <name> in <environment>"
USAGE = f"/infra secret {HINT}"
PATH = "/secret"
LINK_LIFE = 600.0  # seconds
LINK, STORED, REFUSED = (
    "link",
    "stored by",
    "place refused",
)  # annotations: a digest and the end of its life; a person; a problem
WAITS = "waits for the value"
_LONGEST_TOKEN = 80
_LONGEST_PROBLEM = 190


async def topic(services: Services, invocation: Invocation, words: Sequence[str]) -> Message | None:
    """Begin it; its message in the environment's channel is the answer."""
    if len(words) != 4 or (words[0], words[2]) != ("set", "in"):
        raise UserError(f"Usage: {USAGE}. The value is entered on a page of its own, never in Slack.")
    visible = policy.visible_to(services.config, await services.directory.person(invocation.user))
    environment = arguments.environment(visible, words[3], USAGE)
    name, config = words[1], services.config
    named = [each for each, of in config.secrets.values.items() if environment.name in of]
    if name not in named:
        there = ", ".join(named) or "none; add one under secrets.values in signalbox.yaml"
        problem = f"I know no value {arguments.quoted(name)} of {environment.name}{arguments.nearest(name, named)}"
        raise UserError(f"{problem} There are: {there}.")
    request = OperationRequest(
        KIND,
        f"Set {name} in {environment.name}",
        invocation.user,
        invocation.key,
        policy.target_of(config, environment.name),
        {NAME: name},
        lane=f"secret {name}",
    )
    await requests.start(services, request)
    return None


def place_of(config: Config, environment: Environment, name: str) -> SecretPlace:
    """Where the value is kept. Raises UserError where signalbox.yaml does not say so (any more)."""
    place = config.secrets.values.get(name, {}).get(environment.name)
    if place is None:
        raise UserError(f"signalbox.yaml has no place for {name} of {environment.name} any more. Nothing was set.")
    return place


def binding_of(record: Record, environment: str, place: str) -> str:
    """What an approval is bound to: this request's name, environment and place."""
    parts = ("set secret", str(record.number), environment, record.arguments[NAME], place)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


async def give_link(services: Services, click: Click) -> Message:
    """A new link, for the requester alone; the ones before it are not valid any more."""
    record = await clicked(services, click)
    tried = permissions.attempt_on(record, click.user, "enter a value")
    await permissions.check_may_use(services, tried, needed_for(record).command)
    async with requests.refusals_recorded(services, tried):
        if click.user != record.requester:
            raise Denied("Only the person who requested this may enter the value.")
    _check_waits(record)
    token = f"{record.number}-{random.token_urlsafe(32)}"
    until = services.clock() + LINK_LIFE
    await services.annotations.add(record.number, LINK, f"{_digest(token)} {until:.0f}")
    await services.audit.record(Entry(click.user, "got a link", record.environment, record.number))
    pages = services.config.operations.pages  # the rules of the configuration require them
    return views.link(f"{pages.url if pages else ''}{PATH}/{token}", record.arguments[NAME], until)


def _check_waits(record: Record) -> None:
    if record.status is not Status.RUNNING or record.activity != WAITS:
        raise UserError(f"#{record.number} does not wait for a value: it is {record.activity or record.status.value}.")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Link:
    """A link that is valid now: its operation, and what the page displays."""

    record: Record
    environment: Environment
    place: SecretPlace
    digest: str

    @property
    def name(self) -> str:
        """The name of the value."""
        return self.record.arguments[NAME]


async def _valid(services: Services, token: str) -> _Link | None:
    """The link of this token, if it is the newest of its operation, unused and not too old; else None."""
    number, _, rest = token.partition("-")
    if not (number.isascii() and number.isdigit() and len(number) <= 9 and rest and len(token) <= _LONGEST_TOKEN):
        return None
    links = await services.annotations.values_of(int(number), LINK)
    digest, _, until = links[-1].partition(" ") if links else ("", "", "0")
    if not random.compare_digest(digest, _digest(token)) or services.clock() >= float(until):
        return None
    if await services.deliveries.is_used(digest):
        return None
    record = await services.operations.verified(int(number))
    try:
        _check_waits(record)
        environment = policy.environment_of(services.config, record.environment)
        return _Link(record, environment, place_of(services.config, environment, record.arguments[NAME]), digest)
    except UserError:
        return None


async def display(services: Services, token: str) -> Answered | None:
    """The form. Opening it, however often and by whatever, uses nothing up."""
    link = await _valid(services, token)
    return None if link is None else Answered(200, _form(services, link, token))


def _form(services: Services, link: _Link, token: str, problem: str = "") -> str:
    place = places.name_of(services.config, link.place)
    return entry_page.form(token, link.name, link.environment.name, place, problem)


async def submit(services: Services, token: str, fields: Mapping[str, str]) -> Answered | None:
    """Write the value to its place, once; what cannot be a value leaves the link as it is."""
    link = await _valid(services, token)
    if link is None or not random.compare_digest(fields.get("form", ""), entry_page.form_token(token)):
        return None
    value = entry_page.normalized(fields.get("value", ""))
    if problem := entry_page.problem_of(value):
        return Answered(422, _form(services, link, token, problem))
    if not await services.deliveries.use(link.digest):
        return None
    try:
        await _store(services, link, value)
    except (RunnerError, UserError) as error:
        return await _not_stored(services, link, error)
    return Answered(
        200, entry_page.stored(link.name, link.environment.name, places.name_of(services.config, link.place))
    )


async def _store(services: Services, link: _Link, value: str) -> None:
    record, place = link.record, places.name_of(services.config, link.place)
    binding = binding_of(record, link.environment.name, place)
    required = policy.required_approvals(services.config, link.environment, needed_for(record), at_least=0)
    await authority.check(services, record, binding if required else "", "set the value")
    await places.write(services, link.environment, link.place, value)
    await services.annotations.add(record.number, STORED, record.requester)
    detail = {"name": link.name, "place": place}
    await services.audit.record(Entry(record.requester, "stored a value", record.environment, record.number, detail))
    await services.engine.wake(record.number)


async def _not_stored(services: Services, link: _Link, error: RunnerError | UserError) -> Answered:
    problem = services.redact(error.problem if isinstance(error, RunnerError) else str(error))
    remedy = services.redact(error.remedy) if isinstance(error, RunnerError) else ""
    await services.annotations.add(link.record.number, REFUSED, problem[:_LONGEST_PROBLEM])
    await services.engine.wake(link.record.number)
    return Answered(502, entry_page.failed(problem, remedy))


def _is_enabled(config: Config) -> bool:
    return bool(config.secrets.values)


TOPICS = (Topic("secret", HINT, "Set a value on a page of its own; never in Slack.", topic, most=4),)
BUTTONS = (Button(views.ENTER, give_link, repeatable=True),)
PAGES = (Page(PATH, entry_page.STYLE, _is_enabled, display, submit),)
