"""Terminating a builder that was left running, and removing what Packer had made for it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from botocore import exceptions

from runners.aws.builders import removing
from runners.aws.builders.finding import look_again
from runners.aws.client import KEEP_TAG, Patience, code_of, explained
from runners.concurrency import run_blocking
from runners.errors import UnavailableError
from runners.results import OrphanedResources, Outcome, Step, Termination

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from runners.aws.builders.reading import Recognition
    from runners.aws.client import Account
    from runners.results import Builder

    OnStep = Callable[[Step], Awaitable[None]]

USUAL_RETRY_POLICY = Patience(at_most=300.0, every=5.0)
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
    patience: Patience = USUAL_RETRY_POLICY,
) -> Termination:
    """Check again, terminate, wait until it is terminated, then remove its key pair, security groups, volumes and profile.

    An instance that is not certainly a builder, or has the tag signalbox:keep, is refused, and nothing that belongs to
    it is changed. May be called again after a crash at any point, with the builder as it was read first: missing
    resources are reported as such. `delete_profile` deletes an IAM profile (and role) of Packer's as well; otherwise it
    is only reported.

    Raises:
        AccessDeniedError, UnavailableError: the instance cannot be read; no changes were made.
    """
    steps: list[Step] = []

    async def told(step: Step) -> Step:
        steps.append(step)
        if on_step:
            await on_step(step)
        return step

    now = await look_again(account, builder.region, builder.instance_id, recognition)
    # A terminated instance no longer lists what belonged to it: the earlier reading has to do.
    current = now if now and now.live else builder
    instance = await told(await _terminate(account, current, now, recognition, patience))
    if instance.removed:
        for attempt in _attempts(account, current, delete_profile=delete_profile):
            await told(await _with_retries(attempt, patience))
    return Termination(current, tuple(steps))


async def clear(
    account: Account,
    leftovers: OrphanedResources,
    *,
    on_step: OnStep | None = None,
    patience: Patience = USUAL_RETRY_POLICY,
) -> tuple[Step, ...]:
    """Remove loose key pairs, security groups and volumes; instances in `leftovers` are left to `terminate`.

    Never raises for what AWS refuses: each step says what became of it.
    """
    steps: list[Step] = []
    for attempt in _loose(account, leftovers):
        step = await _with_retries(attempt, patience)
        steps.append(step)
        if on_step:
            await on_step(step)
    return tuple(steps)


async def _terminate(
    account: Account, builder: Builder, now: Builder | None, recognition: Recognition, patience: Patience
) -> Step:
    what, instance_id = "instance", builder.instance_id
    if now is None or now.state == "terminated":
        return Step(what, instance_id, Outcome.ABSENT)
    if now.state == "shutting-down":
        return await _removed(account, builder, recognition, patience, Outcome.ABSENT)
    if now.protected:
        return Step(what, instance_id, Outcome.REFUSED, f"the tag {KEEP_TAG} protects it")
    if not now.terminable:
        return Step(what, instance_id, Outcome.REFUSED, _NOT_OURS)
    refused = await _ask_for_termination(account, builder)
    return refused or await _removed(account, builder, recognition, patience, Outcome.DONE)


async def _ask_for_termination(account: Account, builder: Builder) -> Step | None:
    what, instance_id, doing = "instance", builder.instance_id, f"terminating {builder.instance_id}"

    def ask() -> None:
        account.ec2(builder.region).terminate_instances(InstanceIds=[instance_id])

    try:
        await run_blocking(ask, timeout=_CALL_TIMEOUT, doing=doing)
    except exceptions.ClientError as error:
        if code_of(error) == "InvalidInstanceID.NotFound":
            return Step(what, instance_id, Outcome.ABSENT)
        if code_of(error) == "OperationNotPermitted":
            return Step(what, instance_id, Outcome.REFUSED, _PROTECTED)
        refusal = explained(error, doing)
    except exceptions.BotoCoreError as error:
        refusal = explained(error, doing)
    else:
        return None
    outcome = Outcome.WAITING if isinstance(refusal, UnavailableError) else Outcome.REFUSED
    return Step(what, instance_id, outcome, f"{refusal.problem}. {refusal.remedy}".rstrip(" ."))


async def _removed(
    account: Account, builder: Builder, recognition: Recognition, patience: Patience, outcome: Outcome
) -> Step:
    """Wait until the instance is terminated."""
    clock = asyncio.get_running_loop().time
    until = clock() + patience.at_most
    while True:
        now = await look_again(account, builder.region, builder.instance_id, recognition)
        if now is None or now.state == "terminated":
            return Step("instance", builder.instance_id, outcome)
        if clock() >= until:
            reason = f"it is still {now.state} after {patience.at_most:g} seconds"
            return Step("instance", builder.instance_id, Outcome.WAITING, reason)
        await asyncio.sleep(patience.every)


async def _with_retries(attempt: Callable[[], Step], patience: Patience) -> Step:
    """Try until it has succeeded, was refused, or has waited long enough."""
    clock = asyncio.get_running_loop().time
    until = clock() + patience.at_most
    while True:
        step = await run_blocking(attempt, timeout=_CALL_TIMEOUT, doing="removing what a build left behind")
        if step.outcome is not Outcome.WAITING or clock() >= until:
            return step
        await asyncio.sleep(patience.every)


def _attempts(account: Account, builder: Builder, *, delete_profile: bool) -> Iterator[Callable[[], Step]]:
    region = builder.region
    if key := builder.temporary_key:
        yield partial(_in_region, account, region, removing.key_pair, key)
    for group in builder.temporary_groups:
        yield partial(_in_region, account, region, removing.security_group, group.group_id)
    for volume in builder.volumes:
        if volume.from_launch:
            yield partial(_in_region, account, region, removing.volume, volume.volume_id, builder.instance_id)
        else:
            reason = "it was attached after the launch, so not by Packer"
            yield partial(Step, "volume", volume.volume_id, Outcome.SKIPPED, reason)
    if name := builder.temporary_profile:
        keep = partial(Step, "IAM profile", name, Outcome.SKIPPED, "deleting IAM profiles is not switched on")
        yield partial(_profile, account, name) if delete_profile else keep


def _loose(account: Account, leftovers: OrphanedResources) -> Iterator[Callable[[], Step]]:
    for key in leftovers.key_pairs:
        yield partial(_in_region, account, key.region, removing.key_pair, key.name)
    for group in leftovers.security_groups:
        yield partial(_in_region, account, group.region, removing.security_group, group.group_id)
    for volume in leftovers.volumes:
        yield partial(_in_region, account, volume.region, removing.volume, volume.volume_id)


def _in_region(account: Account, region: str, remove: Callable[..., Step], *what: str) -> Step:
    # On a thread: making a client takes its time.
    return remove(account.ec2(region), *what)


def _profile(account: Account, name: str) -> Step:
    return removing.profile(account.client("iam"), name)
