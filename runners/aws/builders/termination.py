"""Terminates builders, and deletes the resources that Packer made for them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from botocore import exceptions

from runners.aws.builders import deletion
from runners.aws.builders.discovery import read_instance
from runners.aws.client import PROTECTION_TAG, code_of, explained
from runners.aws.steps import Polling, StepRecorder, failed_step
from runners.concurrency import run_blocking
from runners.results import Outcome, Step, Termination

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runners.aws.builders.recognition import Recognition
    from runners.aws.client import Account
    from runners.aws.steps import OnStep
    from runners.results import Builder, OrphanedResources

DEFAULT_POLLING = Polling(timeout=300.0, interval=5.0)
_CALL_TIMEOUT = 120.0
_NOT_OURS = (
    "it carries neither a key pair of the kind that Packer makes for one build "
    "nor a security group with Packer's name and description"
)
_PROTECTED = (
    "its termination protection is switched on. Switch it off in the console "
    "(Actions, Instance settings, Change termination protection), then terminate it again"
)


async def terminate(
    account: Account,
    builder: Builder,
    recognition: Recognition,
    *,
    delete_profile: bool = False,
    on_step: OnStep | None = None,
    polling: Polling = DEFAULT_POLLING,
) -> Termination:
    """Check again, terminate, wait until it is terminated, then remove its key pair, security groups, volumes and profile.

    An instance that is not certainly a builder, or has the tag signalbox:keep, is refused, and nothing that belongs to
    it is changed. May be called again after a crash at any point, with the builder as it was read first: missing
    resources are reported as such. `delete_profile` deletes an IAM profile (and role) of Packer's as well; otherwise it
    is only reported.

    Raises:
        AccessDeniedError, UnavailableError: the instance cannot be read; no changes were made.
    """
    recorder = StepRecorder(on_step)
    now = await read_instance(account, builder.region, builder.instance_id, recognition)
    # EC2 does not list the resources of a terminated instance: those that were read before have to do.
    current = now if now and now.live else builder
    instance = await recorder.add(await _terminate(account, current, now, recognition, polling))
    if instance.removed:
        for attempt in _attempts(account, current, delete_profile=delete_profile):
            await recorder.add(await _poll(attempt, polling))
    return Termination(current, tuple(recorder.steps))


async def delete_resources(
    account: Account,
    orphans: OrphanedResources,
    *,
    on_step: OnStep | None = None,
    polling: Polling = DEFAULT_POLLING,
) -> tuple[Step, ...]:
    """Delete key pairs, security groups and volumes that have no builder. Instances in `orphans` are ignored.

    Never raises for what AWS refuses: each step has its outcome and reason.
    """
    recorder = StepRecorder(on_step)
    for attempt in _orphan_attempts(account, orphans):
        await recorder.add(await _poll(attempt, polling))
    return tuple(recorder.steps)


async def _terminate(
    account: Account, builder: Builder, now: Builder | None, recognition: Recognition, polling: Polling
) -> Step:
    what, instance_id = "instance", builder.instance_id
    if now is None or now.state == "terminated":
        return Step(what, instance_id, Outcome.ABSENT)
    if now.state == "shutting-down":
        return await _wait_until_terminated(account, builder, recognition, polling, Outcome.ABSENT)
    if now.protected:
        return Step(what, instance_id, Outcome.REFUSED, f"the tag {PROTECTION_TAG} protects it")
    if not now.terminable:
        return Step(what, instance_id, Outcome.REFUSED, _NOT_OURS)
    refused = await _request_termination(account, builder)
    return refused or await _wait_until_terminated(account, builder, recognition, polling, Outcome.DONE)


async def _request_termination(account: Account, builder: Builder) -> Step | None:
    """None when AWS accepted the request."""
    what, instance_id, doing = "instance", builder.instance_id, f"terminating {builder.instance_id}"

    def request() -> None:
        account.ec2(builder.region).terminate_instances(InstanceIds=[instance_id])

    try:
        await run_blocking(request, timeout=_CALL_TIMEOUT, doing=doing)
    except exceptions.ClientError as error:
        if code_of(error) == "InvalidInstanceID.NotFound":
            return Step(what, instance_id, Outcome.ABSENT)
        if code_of(error) == "OperationNotPermitted":
            return Step(what, instance_id, Outcome.REFUSED, _PROTECTED)
        return failed_step(what, instance_id, explained(error, doing))
    except exceptions.BotoCoreError as error:
        return failed_step(what, instance_id, explained(error, doing))
    return None


async def _wait_until_terminated(
    account: Account, builder: Builder, recognition: Recognition, polling: Polling, outcome: Outcome
) -> Step:
    def terminated(now: Builder | None) -> bool:
        return now is None or now.state == "terminated"

    now = await polling.until(
        terminated, lambda: read_instance(account, builder.region, builder.instance_id, recognition)
    )
    if now is None or terminated(now):
        return Step("instance", builder.instance_id, outcome)
    reason = f"it is still {now.state} after {polling.timeout:g} seconds"
    return Step("instance", builder.instance_id, Outcome.WAITING, reason)


async def _poll(attempt: Callable[[], Step], polling: Polling) -> Step:
    """Attempt a deletion until it succeeds, is refused, or the timeout is over."""
    doing = "removing what a build left behind"
    return await polling.until(
        lambda step: step.outcome is not Outcome.WAITING,
        lambda: run_blocking(attempt, timeout=_CALL_TIMEOUT, doing=doing),
    )


def _attempts(account: Account, builder: Builder, *, delete_profile: bool) -> Iterator[Callable[[], Step]]:
    region = builder.region
    if key := builder.temporary_key:
        yield partial(_in_region, account, region, deletion.key_pair, key)
    for group in builder.temporary_groups:
        yield partial(_in_region, account, region, deletion.security_group, group.group_id)
    for volume in builder.volumes:
        if volume.attached_at_launch:
            yield partial(_in_region, account, region, deletion.volume, volume.volume_id, builder.instance_id)
        else:
            reason = "it was attached after the launch, so not by Packer"
            yield partial(Step, "volume", volume.volume_id, Outcome.SKIPPED, reason)
    if name := builder.temporary_profile:
        keep = partial(Step, "IAM profile", name, Outcome.SKIPPED, "deleting IAM profiles is not switched on")
        yield partial(_profile, account, name) if delete_profile else keep


def _orphan_attempts(account: Account, orphans: OrphanedResources) -> Iterator[Callable[[], Step]]:
    for key in orphans.key_pairs:
        yield partial(_in_region, account, key.region, deletion.key_pair, key.name)
    for group in orphans.security_groups:
        yield partial(_in_region, account, group.region, deletion.security_group, group.group_id)
    for volume in orphans.volumes:
        yield partial(_in_region, account, volume.region, deletion.volume, volume.volume_id)


def _in_region(account: Account, region: str, remove: Callable[..., Step], *what: str) -> Step:
    # Called on a thread, as making a client takes time.
    return remove(account.ec2(region), *what)


def _profile(account: Account, name: str) -> Step:
    return deletion.profile(account.client("iam"), name)
