"""Roll back…: the button under a deploy that began, and in the notice of its end; its window says what goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access import policy
from bot.errors import UserError
from bot.operations import requests
from bot.operations.operation import Operation
from bot.operations.registry import Button, FollowUp, Modal
from bot.slack.blocks import common, kit, modals
from bot.slack.modal import open_modal
from handlers.deploy import commit_views, rollback
from handlers.deploy.release import difference_to
from handlers.shared.checkout import commit_of
from handlers.shared.clicks import check_not_begun, end_notice, recorded
from handlers.shared.permissions import attempt_on, check_may_use

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Environment
    from bot.operations.registry import Click, Submission
    from bot.services import Services
    from bot.slack.blocks.kit import Block
    from bot.store.deployments import Deployment
    from bot.store.operations import Record

TITLE, CONFIRMED, WORDS = "Roll back", "roll-back-confirmed", "rollback"
ROLLED_BACK = FollowUp(common.ROLL_BACK, "back-", WORDS)
BEGUN = "The rollback was begun"


async def press(services: Services, click: Click) -> None:
    """Open the window that says what goes back, and asks."""
    await open_modal(services.chat, click.trigger_id, TITLE, lambda: _window(services, click))


async def _window(services: Services, click: Click) -> Block:
    record = await recorded(services, click.value)
    environment = policy.environment_of(services.config, record.environment)
    await check_may_use(services, attempt_on(record, click.user, WORDS), "/deploy")
    if (click.channel, click.message_ts) != (record.channel, record.message_ts):
        await end_notice(services, record, click)
    await check_not_begun(services, ROLLED_BACK.key(record.number), BEGUN)
    current, to = await _checked(services, environment, record)
    blocks = kit.sections(await _goes_back(Operation(services, record), current, to))
    metadata = f"{record.number} {to.operation}"
    return modals.modal(CONFIRMED, blocks, metadata=metadata, title=TITLE, submit=TITLE, close="Not now")


async def _checked(services: Services, environment: Environment, record: Record) -> tuple[Deployment, Deployment]:
    if record.kind != "deploy":
        raise UserError(f"#{record.number} is no deploy; nothing changed.")
    return await rollback.before(services, environment, record)


async def _goes_back(operation: Operation, current: Deployment, to: Deployment) -> list[str]:
    """What goes back and what does not, in mrkdwn; first in one sentence."""
    commit = await commit_of(operation, to.sha)
    difference, unknown = await difference_to(operation, current, commit)
    environment = operation.environment
    what = f"{kit.code(commit.short)} {kit.escape(kit.cut(to.subject, 90))}"
    since = f"which #{to.operation} deployed {kit.moment(to.at)}, requested by {kit.user(to.person)}"
    taken = f"\n*Taken back:* {kit.link(commit_views.counted(difference), difference.url)}" if difference else ""
    stays = await rollback.irreversible(
        operation, await rollback.running(operation.services, environment, current), commit
    )
    checks = "All checks and approvals of a deploy apply. Only the order of environments does not."
    first = f":rewind: *{kit.escape(environment.name)}* gets {what} again, {since}.{taken}"
    return [first, *filter(None, [unknown]), *stays, checks]


async def confirmed(services: Services, submission: Submission) -> Mapping[str, str]:
    """Begin the rollback that the window displayed, once for each deploy."""
    number, _, target = submission.private_metadata.partition(" ")
    record = await recorded(services, number)
    environment = policy.environment_of(services.config, record.environment)
    tried = attempt_on(record, submission.user, WORDS)
    await check_may_use(services, tried, "/deploy")
    _, to = await _checked(services, environment, record)
    if str(to.operation) != target:
        raise UserError(f"{environment.name} changed since this window opened. Nothing was started; open it again.")
    key = ROLLED_BACK.key(record.number)
    await check_not_begun(services, key, BEGUN)
    await requests.start(services, rollback.request_to(environment, to, submission.user, key), tried, typed=False)
    return {}


BUTTONS = (Button(common.ROLL_BACK, press),)
MODALS = (Modal(CONFIRMED, confirmed),)
FOLLOW_UPS = (ROLLED_BACK,)
