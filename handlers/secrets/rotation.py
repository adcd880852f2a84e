"""What a rotation does to a key: decides which key goes, makes the new one and writes it, deactivates and deletes the old.

A new key's secret is in memory only. So what an interrupted attempt has made is of no use: it is deleted, and a key is made
anew. IAM allows two keys, so the old one stays active all the while.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace as replace_fields
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from bot.errors import UserError
from handlers.secrets import places
from handlers.secrets.places import TIMEOUT, account_of, account_once
from runners.aws import keys, secrets as aws_secrets
from runners.aws.client import asked
from runners.errors import RunnerError, UnavailableError
from runners.results.secrets import Replaced, Rotation, Written, key_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.config.models.secrets import KeyPlace, RotatedKey
    from bot.operations.operation import Operation
    from bot.services import Services
    from runners.aws.client import Account
    from runners.aws.keys import NewKey
    from runners.results.secrets import SecretEntry

T = TypeVar("T")
KEY = "key"  # the operation's argument: the name under secrets.rotate
NEW_KEY = "new key"  # an annotation: the id of a key that this operation has made
ATTEMPT = "makes a key"  # an annotation: when (Unix seconds) it was about to make one
SKEW = 10.0  # seconds between AWS's clock and ours
PAUSES = (
    0.5,
    1.0,
    2.0,
    4.0,
    8.0,
    15.0,
    15.0,
)  # seconds between attempts to use a key that AWS does not know everywhere yet
WRITE_PAUSES = (1.0, 4.0)  # seconds before a place that does not answer is written again, with the same value
MOST = 2  # keys of a user, by IAM's limit


def settings_of(services: Services, name: str) -> RotatedKey:
    """The key's settings. Raises UserError without such a key (any more)."""
    settings = services.config.secrets.rotate.get(name)
    if settings is None:
        raise UserError(f"signalbox.yaml has no key {name} under secrets.rotate any more. Nothing was changed.")
    return settings


def named_places(services: Services, settings: RotatedKey) -> tuple[str, ...]:
    """The places in words, each with the half of the key that it gets."""
    return tuple(f"{places.name_of(services.config, each)} ({each.value})" for each in settings.places)


async def prepared(operation: Operation) -> Rotation:
    """Within a step: what is to be approved. Raises UserError and RunnerError for what would fail."""
    services, name = operation.services, operation.record.arguments[KEY]
    settings = settings_of(services, name)
    old, unused, why = _choose(await _keys(settings.user, _account(operation)), settings.user)
    for place in settings.places:
        await places.check(services, operation.environment, place)
    grace = settings.grace.total_seconds()
    written = named_places(services, settings)
    return Rotation(name, settings.user, old, unused, why, written, settings.workflow or "", grace)


def _choose(listed: Sequence[SecretEntry], user: str) -> tuple[str, str, str]:
    """The key that is replaced, the unused one that makes room, and why it counts as unused. Raises UserError."""
    if len(listed) < MOST:
        return (listed[0].name if listed else ""), "", ""
    for why, candidates in (
        ("it is inactive", [key for key in listed if key.note]),
        ("it was never used", [key for key in listed if key.last_used is None]),
    ):
        if len(candidates) == 1:
            (unused,) = candidates
            (old,) = [key for key in listed if key is not unused]
            return old.name, unused.name, why
    names = " and ".join(f"{key_name(key.name)} ({_used(key)})" for key in listed)
    raise UserError(
        f"{user} has two access keys, and IAM allows no third: {names}. Signalbox cannot tell which one is unused. "
        "Deactivate that one in IAM, then run the command again. Nothing was changed."
    )


def _used(key: SecretEntry) -> str:
    return f"last used {key.last_used:%Y-%m-%d %H:%M} UTC" if key.last_used else "never used"


async def check_unchanged(operation: Operation, rotation: Rotation) -> None:
    """Raises UserError where signalbox.yaml has other places, another user or another grace than were approved."""
    settings = settings_of(operation.services, rotation.name)
    now = (settings.user, named_places(operation.services, settings), settings.grace.total_seconds())
    same = now == (rotation.user, rotation.places, rotation.grace)
    if not same or settings.environment != operation.environment.name:
        raise UserError(
            f"secrets.rotate.{rotation.name} in signalbox.yaml has changed since this was requested. Run the command again."
        )


async def replace(operation: Operation, rotation: Rotation) -> Replaced:
    """Within a step, which may be repeated: make a key, prove it, and write it to every place.

    What an interrupted attempt has made is deleted first. A key that reaches no place is deleted again.
    """
    await check_unchanged(operation, rotation)
    await operation.check_authorized("make a key")
    await _make_room(operation, rotation)
    try:
        new = await _made(operation, rotation)
        results = await _write(operation, settings_of(operation.services, rotation.name), new)
    except (RunnerError, UserError):
        await _make_room(operation, rotation)
        raise
    key_id = new.key_id
    if all(result.problem for result in results):
        await _make_room(operation, rotation)
        key_id = ""
    return Replaced(key_id, tuple(results), operation.services.clock())


async def _make_room(operation: Operation, rotation: Rotation) -> None:
    """Delete the unused key that was approved, and what attempts of this operation have made."""
    annotations, listed = operation.services.annotations, await _keys(rotation.user, _account(operation))
    own = await annotations.values_of(operation.number, NEW_KEY)
    attempts = [float(at) for at in await annotations.values_of(operation.number, ATTEMPT)]
    if rotation.old and rotation.old not in [key.name for key in listed]:
        raise UserError(f"The key {key_name(rotation.old)} of {rotation.user} is missing by now. No key was made.")
    for key in listed:
        if key.name == rotation.old:
            continue
        if key.name not in own and not _is_of(key, attempts) and not _is_unused(key, rotation):
            raise UserError(
                f"{rotation.user} has an access key that nobody approved to replace: {key_name(key.name)}. No key was made."
            )
        await _in_iam("deleting a key", partial(keys.delete, _account(operation), rotation.user, key.name))
        await operation.annotate("deleted key", key=key_name(key.name), user=rotation.user)


def _is_of(key: SecretEntry, attempts: Sequence[float]) -> bool:
    """Whether an attempt has made it that was killed before it knew the key's id: it is of that minute, and was never used."""
    made_at = key.changed_at.timestamp() if key.changed_at else 0.0
    return key.last_used is None and any(at - SKEW <= made_at <= at + TIMEOUT + SKEW for at in attempts)


def _is_unused(key: SecretEntry, rotation: Rotation) -> bool:
    """Whether it is the approved one, and still unused."""
    return key.name == rotation.unused and bool(key.note or key.last_used is None)


async def _made(operation: Operation, rotation: Rotation) -> NewKey:
    account, now = account_once(operation.services, operation.environment), operation.services.clock()
    await operation.services.annotations.add(operation.number, ATTEMPT, str(now))
    new: NewKey = await _in_iam("making a key", partial(keys.create, account, rotation.user))
    await operation.services.annotations.add(operation.number, NEW_KEY, new.key_id)
    await operation.annotate("made key", key=key_name(new.key_id), user=rotation.user)
    region = account.regions[0]
    for pause in (*PAUSES, None):
        owner = await _in_iam("using the new key", partial(keys.owner, new, region))
        if owner == rotation.user:
            return new
        if owner is not None:
            raise RunnerError("using the new key", f"STS says that it belongs to {owner}, not to {rotation.user}")
        if pause is not None:
            await asyncio.sleep(pause)
    raise RunnerError("using the new key", "AWS does not accept it", remedy="No place was changed. Try again later.")


async def _write(operation: Operation, settings: RotatedKey, new: NewKey) -> list[Written]:
    """Write the key to its places, in each store the secret before the id.

    So a store that refuses the secret keeps the old key whole. One that takes the secret and then refuses the id is broken
    until both are written: it cannot get the old secret back, which nobody can read.
    """
    stores: dict[tuple[str | None, ...], list[KeyPlace]] = {}
    for place in settings.places:
        stores.setdefault(_store(place), []).append(place)
    written: dict[KeyPlace, Written] = {}
    for together in stores.values():
        failed = ""
        for place in sorted(together, key=lambda each: each.value == "id"):
            name = places.name_of(operation.services.config, place)
            skipped = Written(name, f"not written, because {failed} was not")
            written[place] = skipped if failed else await _written(operation, place, new)
            failed = failed or (name if written[place].problem else "")
        if failed and any(not written[place].problem for place in together):
            written |= {place: replace_fields(written[place], broken=True) for place in together}
    return [written[place] for place in settings.places]


def _store(place: KeyPlace) -> tuple[str | None, ...]:
    """What keeps both halves of a key side by side."""
    if place.hcp:
        return "hcp", place.hcp.organization, place.hcp.workspace
    if place.github:
        return "github", place.repository, place.github_environment
    return ("parameter" if place.parameter else "secrets_manager",)


async def _written(operation: Operation, place: KeyPlace, new: NewKey) -> Written:
    services, name = operation.services, places.name_of(operation.services.config, place)
    value = new.key_id if place.value == "id" else new.secret
    for pause in (*WRITE_PAUSES, None):
        try:
            await places.write(services, operation.environment, place, value)
            break
        except RunnerError as error:
            if pause is None or not isinstance(error, UnavailableError):
                return Written(name, services.redact(error.problem), services.redact(error.remedy))
            await asyncio.sleep(pause)
    await operation.annotate("wrote key", key=key_name(new.key_id), place=name)
    return Written(name)


async def deactivate(operation: Operation, rotation: Rotation, replaced: Replaced) -> None:
    """Within a step: deactivate the old key, if the new one is there and active."""
    await operation.check_authorized("deactivate the old key")
    await _check_new_is_active(operation, rotation, replaced)
    await _set_active(operation, rotation, active=False)


async def activate(operation: Operation, rotation: Rotation) -> None:
    """Within a step: activate the old key again."""
    await _set_active(operation, rotation, active=True)


async def _set_active(operation: Operation, rotation: Rotation, *, active: bool) -> None:
    doing = "activating the old key" if active else "deactivating the old key"
    change = partial(keys.set_active, _account(operation), rotation.user, rotation.old, active=active)
    await _in_iam(doing, change)
    await operation.annotate("activated key" if active else "deactivated key", key=key_name(rotation.old))


async def delete_old(operation: Operation, rotation: Rotation, replaced: Replaced) -> None:
    """Within a step: delete the old key, if it is still inactive and the new one is there and active."""
    await operation.check_authorized("delete the old key")
    await _check_new_is_active(operation, rotation, replaced)
    for key in await _keys(rotation.user, _account(operation)):
        if key.name == rotation.old and not key.note:
            raise UserError(f"Somebody has activated {key_name(rotation.old)} again, so it was not deleted.")
    await _in_iam("deleting the old key", partial(keys.delete, _account(operation), rotation.user, rotation.old))
    await operation.annotate("deleted key", key=key_name(rotation.old), user=rotation.user)


async def _check_new_is_active(operation: Operation, rotation: Rotation, replaced: Replaced) -> None:
    active = [key.name for key in await _keys(rotation.user, _account(operation)) if not key.note]
    if replaced.key_id not in active:
        raise UserError(
            f"The new key {key_name(replaced.key_id)} of {rotation.user} is missing or inactive, so the old one was kept as it is."
        )


async def _keys(user: str, account: Account) -> tuple[SecretEntry, ...]:
    read = partial(aws_secrets.access_keys, account, user)
    return await _in_iam(f"reading the access keys of {user}", read)


def _account(operation: Operation) -> Account:
    return account_of(operation.services, operation.environment)


async def _in_iam(doing: str, work: Callable[[], T]) -> T:
    return await asked(work, timeout=TIMEOUT, doing=doing)
