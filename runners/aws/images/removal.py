"""Removes, disables and enables images. Each is checked again first: an image that came into use is kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from botocore import exceptions

from runners.aws.client import PROTECTION_TAG, code_of, explained, filters, tags_of
from runners.aws.images import recycle_bin
from runners.aws.images.listing import list_region
from runners.aws.images.own import own_images
from runners.aws.images.usage import read_usage
from runners.aws.steps import Polling, StepRecorder, failed_step
from runners.concurrency import run_blocking
from runners.errors import RunnerError
from runners.results import ImageGroup, Outcome, RemovalResult, Retention, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import SnapshotTypeDef

    from runners.aws.client import Account
    from runners.aws.images.retention import RetentionRules
    from runners.aws.steps import OnStep
    from runners.results import Removal


DEFAULT_POLLING = Polling(timeout=60.0, interval=2.0)
_CALL_TIMEOUT = 120.0
_READ_TIMEOUT = 600.0
_MISSING = ("InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", "InvalidSnapshot.NotFound")
_IN_USE = "InvalidSnapshot.InUse"


async def remove(
    account: Account,
    removal: Removal,
    rules: RetentionRules,
    *,
    on_step: OnStep | None = None,
    polling: Polling = DEFAULT_POLLING,
) -> RemovalResult:
    """Check again, deregister, then delete each snapshot, and verify each deletion.

    An image that is used, kept or another account's now is refused and not changed. May be called again
    with the same stored `removal` after a crash at any point: a missing image is reported as such, and its snapshots
    are still deleted. A snapshot that something else needs, such as an image in the Recycle Bin, is kept.

    Raises:
        AccessDeniedError, UnavailableError: the image cannot be read; no changes were made.
    """
    recorder = StepRecorder(on_step)
    checked = await _check(account, removal, rules)
    # Where the image was absent already, the use of its snapshots has not been read yet.
    used = await _used(account, removal) if checked and checked.removed else {}
    deregister = _Attempt("image", removal.image_id, partial(_deregister, account, removal))
    image = await recorder.add(checked or await _make(deregister, polling))
    recycled = await _recycled(account, removal, image) if image.removed else ""
    for snapshot in removal.snapshots if image.removed else ():
        if reason := used.get(snapshot.snapshot_id) or recycled:
            await recorder.add(Step("snapshot", snapshot.snapshot_id, Outcome.SKIPPED, reason))
        else:
            delete = partial(_delete_snapshot, account, removal.region, snapshot.snapshot_id)
            await recorder.add(await _make(_Attempt("snapshot", snapshot.snapshot_id, delete), polling))
    return RemovalResult(removal, tuple(recorder.steps))


async def disable(
    account: Account, removal: Removal, rules: RetentionRules, *, polling: Polling = DEFAULT_POLLING
) -> RemovalResult:
    """Check again, then disable: nobody can launch it, nothing is deleted, and `enable` undoes it.

    Refuses what `remove` would refuse. Raises as `remove`.
    """
    step = await _check(account, removal, rules)
    return RemovalResult(removal, (step or await _make(_state_change(account, removal, _DISABLED), polling),))


async def enable(account: Account, removal: Removal, *, polling: Polling = DEFAULT_POLLING) -> RemovalResult:
    """Undo `disable`; a missing image is reported as such. Never raises for what AWS refuses."""
    return RemovalResult(removal, (await _make(_state_change(account, removal, _AVAILABLE), polling),))


async def _check(account: Account, removal: Removal, rules: RetentionRules) -> Step | None:
    """None when the image can be deleted; else why it cannot, or that it is missing."""
    doing = f"looking at {removal.image_id}"
    try:
        return await run_blocking(_read_retention, account, removal, rules, timeout=_READ_TIMEOUT, doing=doing)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        raise explained(error, doing) from None


def _read_retention(account: Account, removal: Removal, rules: RetentionRules) -> Step | None:
    image_id = removal.image_id
    if removal.name_tag:
        groups = (ImageGroup("", "", removal.name_tag),)
        images, _ = list_region(
            account,
            removal.region,
            groups,
            rules,
            share_checks=1,
            only=image_id,
        )
        for image in images:
            if image.image_id == image_id:
                deletable = image.retention is Retention.DELETABLE
                return None if deletable else Step("image", image_id, Outcome.REFUSED, image.reason)
    return _unlisted(account.ec2(removal.region), removal)


def _unlisted(ec2: EC2Client, removal: Removal) -> Step:
    """The step for an image that is not among our images of that name."""
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
    """Why each snapshot must be kept although its image is absent, by snapshot id."""
    snapshots = [snapshot.snapshot_id for snapshot in removal.snapshots]
    if not snapshots:
        return {}
    doing = f"looking who uses the snapshots of {removal.image_id}"
    usage = await run_blocking(read_usage, account, removal.region, snapshots, timeout=_READ_TIMEOUT, doing=doing)
    if usage.unreadable:
        return dict.fromkeys(snapshots, f"nobody can say whether it is used: {usage.unreadable[0]}")
    return {snapshot: f"used by {users}" for snapshot, users in usage.users.items()}


async def _recycled(account: Account, removal: Removal, image: Step) -> str:
    """Why the snapshots of the deregistered image must be kept for the Recycle Bin; empty when they can be deleted."""
    if not removal.snapshots:
        return ""
    doing = "reading the Recycle Bin"
    deregistered = image.outcome is Outcome.DONE
    ask = partial(recycle_bin.keeps, account, removal.region, removal.image_id, just_deregistered=deregistered)
    try:
        return await run_blocking(ask, timeout=_CALL_TIMEOUT, doing=doing)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        return f"nobody can say whether its image is in the Recycle Bin: {explained(error, doing).problem}"
    except RunnerError as error:
        return f"nobody can say whether its image is in the Recycle Bin: {error.problem}"


_DISABLED, _AVAILABLE = "disabled", "available"


def _deregister(account: Account, removal: Removal, *, requested: bool) -> Step | None:
    ec2 = account.ec2(removal.region)
    if not list(own_images(ec2, {"image-id": (removal.image_id,)})):
        return Step("image", removal.image_id, Outcome.DONE if requested else Outcome.ABSENT)
    return _request("image", removal.image_id, lambda: ec2.deregister_image(ImageId=removal.image_id))


def _state_change(account: Account, removal: Removal, state: str) -> _Attempt:
    return _Attempt("image", removal.image_id, partial(_change_state, account, removal, state))


def _change_state(account: Account, removal: Removal, state: str, *, requested: bool) -> Step | None:
    """Disable or enable the image, unless it is in that state already, `requested` or not."""
    del requested
    ec2, image_id = account.ec2(removal.region), removal.image_id
    image = next(own_images(ec2, {"image-id": (image_id,)}), None)
    if image is None:
        return Step("image", image_id, Outcome.ABSENT)
    if image.get("State") == state:
        return Step("image", image_id, Outcome.DONE)
    change = ec2.disable_image if state == _DISABLED else ec2.enable_image
    return _request("image", image_id, lambda: change(ImageId=image_id))


def _delete_snapshot(account: Account, region: str, snapshot_id: str, *, requested: bool) -> Step | None:
    ec2, what = account.ec2(region), "snapshot"
    snapshots: list[SnapshotTypeDef] = ec2.describe_snapshots(
        Filters=[{"Name": "snapshot-id", "Values": [snapshot_id]}], OwnerIds=["self"]
    )["Snapshots"]
    ours = [snapshot for snapshot in snapshots if snapshot["OwnerId"] == account.number()]
    if not ours:
        binned = next((each for each in recycle_bin.snapshots(ec2, region) if each.resource == snapshot_id), None)
        if binned:
            until = f"takes its storage until {binned.until:%d %B %Y}" if binned.until else ""
            return Step(what, snapshot_id, Outcome.RECYCLED, until)
        return Step(what, snapshot_id, Outcome.DONE if requested else Outcome.ABSENT)
    if PROTECTION_TAG in tags_of(ours[0]):
        return Step(what, snapshot_id, Outcome.SKIPPED, f"the tag {PROTECTION_TAG} protects it")
    return _request(what, snapshot_id, lambda: ec2.delete_snapshot(SnapshotId=snapshot_id))


def _request(what: str, resource: str, send: Callable[[], object]) -> Step | None:
    """None when AWS accepted the request, or does not list the resource; the effect is checked later."""
    try:
        send()
    except exceptions.ClientError as error:
        if code_of(error) in _MISSING:
            return None
        if code_of(error) == _IN_USE:
            return Step(what, resource, Outcome.SKIPPED, f"another image needs it: {explained(error, '').problem}")
        raise
    return None


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A request to AWS about a resource: `run(requested=...)` gives its step, None while the effect is not visible."""

    what: str
    resource: str
    run: Callable[..., Step | None]


async def _make(attempt: _Attempt, polling: Polling) -> Step:
    """Make the request, then poll until its effect is visible."""
    requested = False

    async def check() -> Step | None:
        nonlocal requested
        step = await _run(attempt, requested=requested)
        if step is None and not requested:
            requested = True
            step = await _run(attempt, requested=True)  # most effects are visible at once
        return step

    step = await polling.until(lambda step: step is not None and step.outcome is not Outcome.WAITING, check)
    return step or Step(attempt.what, attempt.resource, Outcome.WAITING, "AWS has accepted it, but still shows it")


async def _run(attempt: _Attempt, *, requested: bool) -> Step | None:
    doing = f"removing the {attempt.what} {attempt.resource}"
    try:
        return await run_blocking(partial(attempt.run, requested=requested), timeout=_CALL_TIMEOUT, doing=doing)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        return failed_step(attempt.what, attempt.resource, explained(error, doing))
    except RunnerError as error:
        return failed_step(attempt.what, attempt.resource, error)
