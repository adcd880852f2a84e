"""/rollback prod images: a plan with the images that the roles had before, through the configured variables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments, parts, policy
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Button, FollowUp, Modal
from bot.slack.blocks import kit, modals
from bot.slack.modal import open_modal
from handlers.shared.clicks import check_not_begun, clicked, recorded
from handlers.shared.permissions import attempt_on, check_may_use
from handlers.shared.requests import HCL, IMAGE_BEFORE, IMAGES_BACK, IMAGES_BACK_ACTION, plan_request
from runners import phrases
from runners.aws import amis
from runners.errors import RunnerError
from runners.results import Image

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bot.config import Config, Environment
    from bot.operations.registry import Click, Invocation, Submission
    from bot.operations.requests import OperationRequest
    from bot.services import Services
    from bot.slack.blocks.kit import Block, Message
    from runners.results import RollOut

WORD = "images"
USAGE = "/rollback <environment> [stack] images [role ...]"
TITLE, CONFIRMED, WORDS = "Roll back images", "roll-back-images-confirmed", "plan with the images before"
WENT_BACK = FollowUp(IMAGES_BACK_ACTION, "images-back-", WORDS)
BEGUN = "A plan with the images before was begun"
TIMEOUT = 20.0  # seconds for EC2


@dataclass(frozen=True, slots=True)
class Back:
    """A role that leaves the image of a rollout: the rollout, the image that it has now, and the image before."""

    rollout: RollOut
    now: Image
    to: Image

    @property
    def role(self) -> str:
        """The role."""
        return self.rollout.machine


@dataclass(frozen=True, slots=True)
class _Recorded:
    """On record: the rollout that is undone, the newest one, and the id of the image before."""

    rollout: RollOut
    newest: RollOut
    to: str


async def typed(services: Services, invocation: Invocation, words: Sequence[str]) -> Message:
    """Begin the plan, and say to the person which images it brings back."""
    config = await requests.visible_to(services, invocation.user, "/rollback", " ".join(words), "plan")
    at = words.index(WORD)
    stack, roles = _stack(config, words[:at]), words[at + 1 :]
    await requests.check_may_use(services, invocation.user, "/plan", "plan", stack)
    backs = await _backs(services, stack, roles)
    request = await _request(services, stack, backs, invocation.user, invocation.key)
    await requests.start(services, request)
    lines = "\n".join(_lines(backs))
    text = f":rewind: *A plan of {kit.escape(stack.name)} brings the images before back.* It waits for approval as any plan.\n{lines}"
    return kit.message(f"A plan of {kit.escape(stack.name)} brings the images before back", [kit.section(text)])


def _stack(config: Config, words: Sequence[str]) -> Environment:
    """The environment or stack whose plans set images. Raises UserError."""
    chosen = parts.choose(config, words, parts.STACKS, USAGE)
    if chosen.rest:
        raise UserError(f"{typed_arguments.quoted(chosen.rest[0])} is not understood. Usage: {USAGE}")
    able = [part for part in chosen.parts if part.terraform and part.terraform.image_variables]
    if len(able) == 1:
        return able[0]
    if able:
        raise UserError(f"Name the stack: {', '.join(part.words for part in able)}. Usage: {USAGE}")
    key = chosen.parts[0].key_of("terraform", "image_variables")
    raise UserError(
        f"Signalbox does not know which variables set the images of {chosen.environment.name}. Nothing was started; name them "
        f"in {key} of signalbox.yaml, or set the images in the code and type /plan {chosen.environment.name}."
    )


def _variables(stack: Environment) -> Mapping[str, str]:
    return stack.terraform.image_variables if stack.terraform else {}


async def _backs(
    services: Services, stack: Environment, roles: Collection[str] = (), only: int | None = None
) -> tuple[Back, ...]:
    """What goes back: of these roles, or all; with `only` of those whose newest image this operation rolled out.

    Raises UserError for a role that is unknown, where no role has an image before, and for images that EC2 no longer has.
    """
    settable = _variables(stack)
    for role in roles:
        if role not in settable:
            near = typed_arguments.nearest(role, settable, otherwise=f"; there are {', '.join(settable)}.")
            raise UserError(f"No variable sets the image of {typed_arguments.quoted(role)} in {stack.name}{near}")
    asked = [role for role in settable if role in roles or not roles]
    on_record = [each for role in asked if (each := await _before(services, stack, role))]
    on_record = [each for each in on_record if only in (None, each.newest.operation)]
    if not on_record and only is not None:
        raise UserError(
            f"Other images were rolled out to {stack.name} after #{only}, or there is no record of those before. Nothing "
            f"was started; type /rollback {stack.words} images"
        )
    if not on_record:
        whose = f"{', '.join(roles)} of {stack.name}" if roles else stack.name
        raise UserError(
            f"Signalbox has no record of an image before for {whose}, so there is nothing to go back to. "
            "Nothing was started; /infra image shows where images come from."
        )
    described = await _described(
        services, stack, {id_ for each in on_record for id_ in (each.newest.image_id, each.to)}
    )
    _check_exist({each.to: each.rollout.machine for each in on_record if each.to not in described})
    return tuple(
        Back(each.rollout, described.get(each.newest.image_id) or Image(each.newest.image_id), described[each.to])
        for each in on_record
    )


async def _described(services: Services, stack: Environment, images: Collection[str]) -> Mapping[str, Image]:
    try:
        return await amis.describe(services.aws_of(stack).ec2, images, timeout=TIMEOUT)
    except RunnerError as error:
        raise UserError(f"EC2 could not be asked for the images: {error.problem}. Nothing was started.") from error


async def _before(services: Services, stack: Environment, role: str) -> _Recorded | None:
    """The image that a role had before; after a rollback, the one further back. None without a record of one."""
    rolled = await services.images.rollouts_to(stack.whole, role)
    if not rolled:
        return None
    rollout = rolled[0]
    while number := await _went_back(services, rollout.operation, role):
        earlier = [each for each in rolled if each.operation < number]
        if not earlier:
            return None
        rollout = earlier[0]
    noted = await services.annotations.values_of(rollout.operation, IMAGE_BEFORE)
    before = [image for machine, _, image in (value.partition(" ") for value in noted) if machine == role]
    others = [each.image_id for each in rolled if each.at < rollout.at and each.image_id != rollout.image_id]
    to = next(iter([*before, *others]), "")
    return _Recorded(rollout, rolled[0], to) if amis.AMI_ID.fullmatch(to) else None


async def _went_back(services: Services, number: int, role: str) -> int:
    """The operation whose rollout to this role this one undid; 0 where it is no rollback."""
    record = await services.operations.get(number)
    undone: Mapping[str, int] = json.loads(record.arguments.get(IMAGES_BACK, "{}"))
    earlier = int(undone.get(role, 0))
    return earlier if earlier < number else 0


def _check_exist(missing: Mapping[str, str]) -> None:
    if missing:
        listed = phrases.listed([f"{image} ({role})" for image, role in missing.items()], 8)
        raise UserError(
            f"EC2 no longer has {listed}: deregistered, disabled or not shared with this account. Nothing was started. "
            "Name roles whose images are there, or build the image again."
        )


async def _request(
    services: Services, stack: Environment, backs: Sequence[Back], user: str, key: str
) -> OperationRequest:
    given = await _values(services, stack, {back.role: back.to.image_id for back in backs})
    undone = json.dumps({back.role: back.rollout.operation for back in backs}, sort_keys=True)
    return plan_request(stack, user, key, {**given, IMAGES_BACK: undone})


async def _values(services: Services, stack: Environment, to: Mapping[str, str]) -> dict[str, str]:
    """The variables with these images. One that several roles share is a map with the image of each of them."""
    roles_of = dict[str, list[str]]()
    for role, variable in _variables(stack).items():
        roles_of.setdefault(variable, []).append(role)
    values, maps = dict[str, str](), list[str]()
    for variable, roles in roles_of.items():
        if not {*roles} & {*to}:
            continue
        if len(roles) == 1:
            values[variable] = to[roles[0]]
            continue
        images = {role: to.get(role) or await _current(services, stack, role) for role in roles}
        values[variable] = json.dumps(images)
        maps.append(variable)
    return {**values, **({HCL: " ".join(maps)} if maps else {})}


async def _current(services: Services, stack: Environment, role: str) -> str:
    rolled = await services.images.rollouts_to(stack.whole, role, most=1)
    if not rolled:
        raise UserError(
            f"The variable {_variables(stack)[role]} needs the image of every role, and Signalbox has not rolled out one to "
            f"{role} of {stack.name}. Nothing was started; give the variable yourself: /plan {stack.words}"
        )
    return rolled[0].image_id


def _lines(backs: Sequence[Back]) -> list[str]:
    return [
        f"• {kit.escape(back.role)}: {_image(back.now)} → {_image(back.to)}, as before #{back.rollout.operation} "
        f"({kit.moment(back.rollout.at)})"
        for back in backs
    ]


def _image(image: Image) -> str:
    commit = f"commit {kit.code(image.commit[:7])}" if image.commit else "commit unknown"
    built = f", built {kit.moment(image.created_at.timestamp())}" if image.created_at else ""
    return f"{kit.code(image.image_id)} ({commit}{built})"


async def press(services: Services, click: Click) -> None:
    """Open the window that says which images go back, and asks."""
    await open_modal(services.chat, click.trigger_id, TITLE, lambda: _window(services, click))


async def _window(services: Services, click: Click) -> Block:
    record = await clicked(services, click)
    stack = policy.environment_of(services.config, record.environment)
    await check_may_use(services, attempt_on(record, click.user, WORDS), "/plan", "plan")
    await check_not_begun(services, WENT_BACK.key(record.number), BEGUN)
    backs = await _backs(services, stack, only=record.number)
    what = (
        f":rewind: *A plan of {kit.escape(stack.name)} brings these images back.* Nothing changes until it is approved."
    )
    metadata = json.dumps([record.number, {back.role: back.to.image_id for back in backs}])
    blocks = kit.sections([what, *_lines(backs)])
    return modals.modal(CONFIRMED, blocks, metadata=metadata, title=TITLE, submit="Plan", close="Not now")


async def confirmed(services: Services, submission: Submission) -> Mapping[str, str]:
    """Begin the plan with the images that the window displayed, once for each apply."""
    number, displayed = json.loads(submission.private_metadata)
    record = await recorded(services, str(number))
    stack = policy.environment_of(services.config, record.environment)
    tried = attempt_on(record, submission.user, WORDS)
    await check_may_use(services, tried, "/plan", "plan")
    key = WENT_BACK.key(record.number)
    await check_not_begun(services, key, BEGUN)
    backs = await _backs(services, stack, only=record.number)
    if {back.role: back.to.image_id for back in backs} != displayed:
        raise UserError(
            f"The images of {stack.name} changed since this window opened. Nothing was started; open it again."
        )
    await requests.start(services, await _request(services, stack, backs, submission.user, key), tried, typed=False)
    return {}


BUTTONS = (Button(IMAGES_BACK_ACTION, press),)
MODALS = (Modal(CONFIRMED, confirmed),)
FOLLOW_UPS = (WENT_BACK,)
