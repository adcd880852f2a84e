"""Host keys before ssh is used: new instances are trusted, known ones must show the key that they had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import UserError
from bot.operations.registry import Button, Click
from bot.slack.blocks import replies
from bot.slack.client import Posted
from bot.slack.retry import patiently
from bot.store.audit import Entry
from handlers.deploy.ansible import views
from handlers.deploy.ansible.scope import settings_of
from handlers.shared import permissions
from handlers.shared.clicks import clicked
from runners.ssh import host_keys
from runners.ssh.console import console_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record
    from runners.results import ChangedKey, Inventory


BY_SSH, CONSOLE = "ssh", "console"
NAMED = 6  # instances in the trail's entry


async def changed(operation: Operation, hosts: Inventory) -> tuple[ChangedKey, ...]:
    """Within a step: who shows another key than the one on record; instances that are new are put on record.

    One that does not answer is left to Ansible, whose ssh compares as well, and refuses what is on no record.
    """
    if hosts.connection != BY_SSH:
        return ()
    keys = operation.services.host_keys
    operation.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    shown = await host_keys.scan(hosts, operation.scratch)
    if settings_of(operation.environment).host_keys == CONSOLE:
        await _trust_consoles(operation, hosts)
    await _note_new(operation, await keys.trust(shown), "at first sight")
    found = host_keys.changed(hosts.hosts, await keys.trusted(shown), shown)
    if found:
        differing = {one.instance_id: shown[one.instance_id] for one in found}
        await keys.record_changed(operation.number, differing)
        await operation.annotate("host keys refused", instances=", ".join(differing))
    return found


async def _trust_consoles(operation: Operation, hosts: Inventory) -> None:
    """Put on record what instances that are new have printed on their consoles, so that they are compared with it."""
    services = operation.services
    instances = [host.instance_id for host in hosts.hosts]
    known = await services.host_keys.trusted(instances)
    printed = await console_keys(services.aws.ec2, [instance for instance in instances if instance not in known])
    await _note_new(operation, await services.host_keys.trust(printed, CONSOLE), "as on the console")


async def _note_new(operation: Operation, new: Sequence[str], how: str) -> None:
    if new:
        more = f" and {len(new) - NAMED} more" if len(new) > NAMED else ""
        await operation.annotate("host keys trusted", instances=f"{', '.join(new[:NAMED])}{more}", how=how)


async def known_hosts(operation: Operation, hosts: Inventory) -> str:
    """What ssh compares with."""
    known = await operation.services.host_keys.trusted(host.instance_id for host in hosts.hosts)
    return host_keys.known_hosts(hosts, known)


NAMED = 6  # instances in the answer


async def accept(services: Services, click: Click) -> Message:
    """Trust the keys that this deploy has refused, if this person may approve; it is in the trail either way."""
    record = await clicked(services, click)
    await permissions.check_may_approve(services, permissions.attempt_on(record, click.user, "accept a host key"))

    def note(connection: Connection, accepted: Sequence[ChangedKey]) -> None:
        for one in accepted:
            detail = {"instance": one.instance_id, "before": one.known, "now": one.shown}
            entry = Entry(click.user, "host key accepted", record.environment, record.number, detail)
            services.audit.append(connection, entry)

    accepted = await services.host_keys.accept(record.number, click.user, note)
    if not accepted:
        raise UserError("These keys were accepted already, or a newer deploy has been shown yet others; look there.")
    names = ", ".join(one.instance_id for one in accepted[:NAMED])
    await _show_accepted(services, record, click.user, len(accepted))
    keys = "key" if len(accepted) == 1 else "keys"
    return replies.done(f"Accepted the new host {keys} of {names}. Run /deploy {record.environment} again.")


async def _show_accepted(services: Services, record: Record, user: str, count: int) -> None:
    at, accepted_at = Posted(record.channel, record.message_ts or ""), services.clock()

    async def change() -> None:
        shown = await services.chat.read(at)
        if shown:
            await services.chat.update(at, views.keys_accepted(shown, record.environment, user, count, accepted_at))

    await patiently(change)


BUTTONS = (Button(views.ACCEPT_KEYS, accept),)
