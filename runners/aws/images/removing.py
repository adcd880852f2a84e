"""Removing images, each checked again before, so that an image that came into use meanwhile is kept."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from botocore import exceptions

from runners.aws.client import KEEP_TAG, Patience, code_of, explained, filters, tags_of
from runners.aws.images.survey import own_images, survey_region
from runners.aws.images.usage import read_usage
from runners.concurrency import run_blocking
from runners.errors import RunnerError, TimedOutError, UnavailableError
from runners.results import ImageGroup, Outcome, Removed, Standing, Step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import SnapshotTypeDef

    from runners.aws.client import Account
    from runners.results import KeepRule, Removal

    OnStep = Callable[[Step], Awaitable[None]]

USUAL_RETRY_POLICY = Patience(at_most=60.0, every=2.0)
_CALL_TIMEOUT = 120.0
_LOOK_TIMEOUT = 600.0
_MISSING = ("InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", "InvalidSnapshot.NotFound")
_IN_USE = "InvalidSnapshot.InUse"


@dataclass(frozen=True, slots=True)
class Rules:
    """What an image is judged by when it is checked again; the same as for the snapshot of all images."""

    keep: KeepRule
    named_elsewhere: Mapping[str, str]
    now: datetime


async def remove(
    account: Account,
    removal: Removal,
    rules: Rules,
    *,
    on_step: OnStep | None = None,
    patience: Patience = USUAL_RETRY_POLICY,
) -> Removed:
    """Check again, deregister, then delete each snapshot, and verify each deletion.

    An image that is used, kept or another account's now is refused and not changed. May be called again
    with the same stored `removal` after a crash at any point: a missing image is reported as such, and its snapshots
    are still deleted. A snapshot that something else needs is kept.

    Raises:
        AccessDeniedError, UnavailableError: the image cannot be read; no changes were made.
    """
    steps: list[Step] = []

    async def told(step: Step) -> Step:
        steps.append(step)
        if on_step:
            await on_step(step)
        return step

    step = await _looked_at(account, removal, rules)
    # Gone before we came: whether its snapshots are used has not been asked yet.
    used = await _used(account, removal) if step and step.removed else {}
    step = await told(
        step
        or await _with_retries(_Attempt("image", removal.image_id, partial(_deregister, account, removal)), patience)
    )
    for snapshot in removal.snapshots if step.removed else ():
        delete = partial(_delete_snapshot, account, removal.region, snapshot.snapshot_id)
        reason = used.get(snapshot.snapshot_id)
        if reason:
            await told(Step("snapshot", snapshot.snapshot_id, Outcome.SKIPPED, reason))
        else:
            await told(await _with_retries(_Attempt("snapshot", snapshot.snapshot_id, delete), patience))
    return Removed(removal, tuple(steps))


async def disable(
    account: Account, removal: Removal, rules: Rules, *, patience: Patience = USUAL_RETRY_POLICY
) -> Removed:
    """Check again, then disable: nobody can launch it, nothing is deleted, and `enable` undoes it.

    Refuses what `remove` would refuse. Raises as `remove`.
    """
    step = await _looked_at(account, removal, rules)
    return Removed(removal, (step or await _with_retries(_switching(account, removal, _DISABLED), patience),))


async def enable(account: Account, removal: Removal, *, patience: Patience = USUAL_RETRY_POLICY) -> Removed:
    """Undo `disable`; a missing image is reported as such. Never raises for what AWS refuses."""
    return Removed(removal, (await _with_retries(_switching(account, removal, _AVAILABLE), patience),))


async def _looked_at(account: Account, removal: Removal, rules: Rules) -> Step | None:
    """None when the image can be deleted; else why it cannot, or that it is missing."""
    doing = f"looking at {removal.image_id}"
    try:
        return await run_blocking(_look, account, removal, rules, timeout=_LOOK_TIMEOUT, doing=doing)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        raise explained(error, doing) from None


def _look(account: Account, removal: Removal, rules: Rules) -> Step | None:
    image_id = removal.image_id
    if removal.name_tag:
        groups = (ImageGroup("", "", removal.name_tag),)
        images, _ = survey_region(
            account,
            removal.region,
            groups,
            keep=rules.keep,
            named_elsewhere=rules.named_elsewhere,
            now=rules.now,
            share_checks=1,
            only=image_id,
        )
        for image in images:
            if image.image_id == image_id:
                free = image.standing is Standing.FREE
                return None if free else Step("image", image_id, Outcome.REFUSED, image.reason)
    return _stranger(account.ec2(removal.region), removal)


def _stranger(ec2: EC2Client, removal: Removal) -> Step:
    """What became of an image that is not among ours of that name."""
    what, image_id = "image", removal.image_id
    if list(own_images(ec2, {"image-id": (image_id,)})):
        changed = f'its tag Name is not "{removal.name_tag}" any more' if removal.name_tag else "it is there again"
        return Step(what, image_id, Outcome.REFUSED, changed)
    foreign = ec2.describe_images(Filters=filters({"image-id": (image_id,)}))["Images"]  # type: ignore[arg-type]
    if foreign and foreign[0].get("State") != "deregistered":
        owner = foreign[0].get("OwnerId", "unknown")
        return Step(what, image_id, Outcome.REFUSED, f"it belongs to another account ({owner})")
    return Step(what, image_id, Outcome.ABSENT)


async def _used(account: Account, removal: Removal) -> dict[str, str]:
    """Why each of the snapshots has to stay, although its image is gone."""
    snapshots = [snapshot.snapshot_id for snapshot in removal.snapshots]
    if not snapshots:
        return {}
    doing = f"looking who uses the snapshots of {removal.image_id}"
    usage = await run_blocking(read_usage, account, removal.region, snapshots, timeout=_LOOK_TIMEOUT, doing=doing)
    if usage.unread:
        return dict.fromkeys(snapshots, f"nobody can say whether it is used: {usage.unread[0]}")
    return {snapshot: f"used by {users}" for snapshot, users in usage.users.items()}


_DISABLED, _AVAILABLE = "disabled", "available"


def _deregister(account: Account, removal: Removal, *, asked: bool) -> Step | None:
    ec2 = account.ec2(removal.region)
    if not list(own_images(ec2, {"image-id": (removal.image_id,)})):
        return Step("image", removal.image_id, Outcome.DONE if asked else Outcome.ABSENT)
    return _tried("image", removal.image_id, lambda: ec2.deregister_image(ImageId=removal.image_id))


def _switching(account: Account, removal: Removal, state: str) -> _Attempt:
    return _Attempt("image", removal.image_id, partial(_switch, account, removal, state))


def _switch(account: Account, removal: Removal, state: str, *, asked: bool) -> Step | None:
    """Into the state; nothing is done to an image that is in it already, `asked` or not."""
    del asked
    ec2, image_id = account.ec2(removal.region), removal.image_id
    image = next(own_images(ec2, {"image-id": (image_id,)}), None)
    if image is None:
        return Step("image", image_id, Outcome.ABSENT)
    if image.get("State") == state:
        return Step("image", image_id, Outcome.DONE)
    ask = ec2.disable_image if state == _DISABLED else ec2.enable_image
    return _tried("image", image_id, lambda: ask(ImageId=image_id))


def _delete_snapshot(account: Account, region: str, snapshot_id: str, *, asked: bool) -> Step | None:
    ec2, what = account.ec2(region), "snapshot"
    snapshots: list[SnapshotTypeDef] = ec2.describe_snapshots(
        Filters=[{"Name": "snapshot-id", "Values": [snapshot_id]}], OwnerIds=["self"]
    )["Snapshots"]
    ours = [snapshot for snapshot in snapshots if snapshot["OwnerId"] == account.number()]
    if not ours:
        return Step(what, snapshot_id, Outcome.DONE if asked else Outcome.ABSENT)
    if KEEP_TAG in tags_of(ours[0]):
        return Step(what, snapshot_id, Outcome.SKIPPED, f"the tag {KEEP_TAG} protects it")
    return _tried(what, snapshot_id, lambda: ec2.delete_snapshot(SnapshotId=snapshot_id))


def _tried(what: str, resource: str, ask: Callable[[], object]) -> Step | None:
    """Nothing when AWS has taken the order; what came of it has still to be seen."""
    try:
        ask()
    except exceptions.ClientError as error:
        if code_of(error) in _MISSING:
            return None
        if code_of(error) == _IN_USE:
            return Step(what, resource, Outcome.SKIPPED, f"another image needs it: {explained(error, '').problem}")
        raise
    return None


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Something that is asked of AWS: `run(asked=...)` says what became of it, None when that has yet to show."""

    what: str
    resource: str
    run: Callable[..., Step | None]


async def _with_retries(attempt: _Attempt, patience: Patience) -> Step:
    """Ask, then look until what was asked for shows."""
    clock = asyncio.get_running_loop().time
    until, asked = clock() + patience.at_most, False
    while True:
        step = await _once(attempt, asked=asked)
        if step and step.outcome is not Outcome.WAITING:
            return step
        if clock() >= until:
            return step or Step(
                attempt.what, attempt.resource, Outcome.WAITING, "AWS has accepted it, but still shows it"
            )
        # The first check after the request is immediate.
        if asked or step:
            await asyncio.sleep(patience.every)
        asked = asked or step is None


async def _once(attempt: _Attempt, *, asked: bool) -> Step | None:
    what, resource, doing = attempt.what, attempt.resource, f"removing the {attempt.what} {attempt.resource}"
    try:
        return await run_blocking(partial(attempt.run, asked=asked), timeout=_CALL_TIMEOUT, doing=doing)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        refusal = explained(error, doing)
    except RunnerError as error:
        refusal = error
    later = isinstance(refusal, UnavailableError | TimedOutError)
    reason = f"{refusal.problem}. {refusal.remedy}".rstrip(" .")
    return Step(what, resource, Outcome.WAITING if later else Outcome.REFUSED, reason)
