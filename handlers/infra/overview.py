"""The state of the environments and the last operations, as an answer and as the Home tab."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bot.access import arguments, policy
from bot.config import Environment
from bot.config.targets import without_lane
from bot.errors import Denied
from bot.operations import requests
from bot.slack.blocks import kit, preferences, replies
from bot.slack.blocks.kit import Block
from handlers.infra import state, state_views, waiting
from runners.processes import metadata_service, probe

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bot.config import Config
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from handlers.infra.state import Snapshot
    from runners.observations import Wanted

USAGE = "/infra status [environment]"


READING = ":mag: AWS and GitHub are being read; a second answer follows if that changes something."


async def status(services: Services, user: str, words: Sequence[str]) -> tuple[Message, Wanted]:
    """What this person may see of the environments, or of one, without a question to AWS or GitHub; and what to read of them."""
    config = await requests.visible_to(services, user, "/infra status", " ".join(words), "see")
    person = await services.directory.person(user)
    snapshot = await state.read(services)
    wanted = state.wanted(config, snapshot)
    note = () if services.observations.is_fresh(wanted) else (READING,)
    if words:
        return await _of_one(services, config, snapshot, arguments.environment(config, words[0], USAGE), note), wanted
    page = await state.page(services, snapshot, person)
    return state_views.page(page, (*note, _isolation(services))), wanted


async def _of_one(
    services: Services, config: Config, snapshot: Snapshot, environment: Environment, note: Sequence[str]
) -> Message:
    card = state.card(services, config, environment, snapshot, snapshot.open)
    names = {each.name for each in config.environments.values() if environment.name in (each.name, each.whole)}
    ended = [each for each in snapshot.ended if without_lane(each.environment) in names]
    return state_views.detailed(card, await state.recent(services, snapshot, ended), note)


async def publish_home(services: Services, user: str) -> None:
    """Publish the Home tab of a person as it is known now; then with what AWS and GitHub say, and again while it may be open."""
    services.open_homes.opened(user, partial(_current_homes, services))
    await services.open_homes.publish(user, (await homes(services, [user]))[user])
    if await fill_in(services, [user]):
        await services.open_homes.publish(user, (await homes(services, [user]))[user])


async def _current_homes(services: Services, users: Collection[str]) -> Mapping[str, Block]:
    await fill_in(services, users)
    return await homes(services, users)


async def fill_in(services: Services, users: Collection[str]) -> bool:
    """Read of AWS and GitHub what these people may see, where it is not fresh; whether anything was read."""
    config, visible = services.config, dict[str, Environment]()
    for user in users:
        visible |= policy.visible_to(config, await services.directory.person(user)).environments
    if not visible:
        return False
    snapshot = await state.read(services)
    shared = config.model_copy(update={"environments": visible})
    return await services.observations.refresh(state.wanted(shared, snapshot))


async def homes(services: Services, users: Collection[str]) -> Mapping[str, Block]:
    """The Home tab of each of these people: what waits for them, the environments, how they are notified; others get a hint."""
    snapshot = await state.read(services)
    asked = await waiting.approvals(services, snapshot)
    chosen = await services.preferences.of(list(users))
    views = dict[str, Block]()
    for user in users:
        person = await services.directory.person(user)
        try:
            policy.check_may(services.config, person, policy.SEE, None)
        except Denied as denied:
            reason = [kit.section(kit.escape(str(denied)))] if person.unreadable else []
            views[user] = replies.home([*_no_access(), *reason])
            continue
        own = preferences.home_blocks(turn=chosen[user].turn, ended=chosen[user].ended, quiet=chosen[user].quiet)
        locks = [each for each in snapshot.closures if each.person == user]
        mine = waiting.for_person(services, person, asked)
        first = waiting.blocks(mine, locks)
        page, room = await state.page(services, snapshot, person), kit.VIEW_BLOCKS - len(own) - len(first)
        stands = state_views.blocks(page, room, [each.record.number for each in mine])
        views[user] = replies.home([*first, *stands, *own])
    return views


def _isolation(services: Services) -> str:
    wall = probe.sentence(next(iter(services.isolations.values())))
    sentence = f"{wall}; {metadata_service.sentence(services.metadata_service)}."
    return f"{sentence[:1].upper()}{sentence[1:]}"


def _no_access() -> list[Block]:
    return [kit.section("Signalbox runs the infrastructure team's deploys. Ask that team if you need to use it.")]
