"""Host keys before ssh is used: keys of new instances are trusted, other instances must present the recorded key."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.access.rights import needed_for
from bot.errors import UserError
from bot.operations.registry import Button, Click
from bot.slack.blocks import replies
from bot.slack.client import Posted
from bot.slack.pacing import Lane
from bot.slack.retry import with_retries
from bot.store.audit import Entry
from handlers.shared import permissions
from handlers.shared.ansible import views
from handlers.shared.ansible.scope import route_secret_of
from handlers.shared.checkout import code_of
from handlers.shared.clicks import clicked
from runners import phrases
from runners.ssh import host_keys, known_hosts as known_hosts_lines
from runners.ssh.console import console_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from bot.config import Ansible
    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record
    from handlers.shared.ansible.scope import Work
    from runners.results import ChangedKey, Inventory


_DOING = "comparing host keys"
BY_SSH, CONSOLE = "ssh", "console"
COMMAND = "command"  # an annotation of an operation with changed keys: what to type for the same again
NAMED = 6  # instances in an entry of the audit log, and in an answer


async def changed(operation: Operation, work: Work, hosts: Inventory, command: str) -> tuple[ChangedKey, ...]:
    """Within a step: the hosts whose key differs from the recorded one; the keys of new instances are recorded.

    `command` is to be typed again once somebody has accepted the changed keys.

    Where the team has written down the keys of its hosts, none is recorded; another key, or none, raises AccessDeniedError.
    A host that does not answer is not among them: Ansible's ssh compares too, and refuses a host without recorded key.
    Raises AccessDeniedError or UnavailableError where the bastion or sessions fail.
    """
    if hosts.connection != BY_SSH:
        return ()
    keys = operation.services.host_keys
    operation.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = await route_secret_of(operation.services, operation.environment)
    presented = await host_keys.scan(hosts, operation.scratch, secret)
    if work.settings.ssh.lists_host_keys:
        text, where = await _lines(operation, work)
        lines = await known_hosts_lines.listed(text, hosts, operation.scratch)
        known_hosts_lines.check_listed(hosts, lines, where, _DOING)
        known_hosts_lines.check_presented(hosts, lines, presented, where, _DOING)
        return ()
    if work.settings.host_keys == CONSOLE:
        await _trust_consoles(operation, hosts)
    await _record_trusted(operation, await keys.trust(presented), "at first sight")
    changed_keys = host_keys.changed(hosts.hosts, await keys.trusted(presented), presented)
    if changed_keys:
        refused = {key.instance_id: presented[key.instance_id] for key in changed_keys}
        await keys.record_changed(operation.number, refused)
        await operation.services.annotations.add(operation.number, COMMAND, command)
        await operation.annotate("host keys refused", instances=", ".join(refused))
    return changed_keys


async def _trust_consoles(operation: Operation, hosts: Inventory) -> None:
    """Trust the keys that new instances have printed on their consoles, so that these are compared with."""
    services = operation.services
    instances = [host.instance_id for host in hosts.hosts]
    trusted = await services.host_keys.trusted(instances)
    unknown = [instance for instance in instances if instance not in trusted]
    printed = await console_keys(services.aws_of(operation.environment).ec2, unknown)
    await _record_trusted(operation, await services.host_keys.trust(printed, CONSOLE), "as on the console")


async def _record_trusted(operation: Operation, new: Sequence[str], how: str) -> None:
    if new:
        await operation.annotate("host keys trusted", instances=phrases.listed(new, NAMED), how=how)


async def check_written(operation: Operation, work: Work, hosts: Inventory) -> None:
    """Within a step, before anybody approves. Raises AccessDeniedError where the team has written down keys, and none of a host."""
    if hosts.connection == BY_SSH and work.settings.ssh.lists_host_keys:
        operation.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        text, where = await _lines(operation, work)
        lines = await known_hosts_lines.listed(text, hosts, operation.scratch)
        known_hosts_lines.check_listed(hosts, lines, where, _DOING)


async def _lines(operation: Operation, work: Work) -> tuple[str, str]:
    """The lines of known_hosts that the team has written, and where they are."""
    file = work.settings.host_key_file_of(work.scope.environment.whole)
    if not file:
        return written_lines(work.settings), "ssh.known_hosts"
    root = await code_of(operation, work.commit)
    return await asyncio.to_thread(known_hosts_lines.read_file, root, work.settings.directory, file, _DOING), file


def written_lines(settings: Ansible) -> str:
    """The lines of the configuration, as a text."""
    return "".join(f"{line}\n" for line in settings.ssh.known_hosts)


async def known_hosts(operation: Operation, work: Work, hosts: Inventory) -> str:
    """The text of ssh's known_hosts file: the lines that the team has written, or the recorded keys of these hosts."""
    if work.settings.ssh.lists_host_keys:
        return (await _lines(operation, work))[0]
    trusted = await operation.services.host_keys.trusted(host.instance_id for host in hosts.hosts)
    return host_keys.known_hosts(hosts, trusted)


async def accept(services: Services, click: Click) -> Message:
    """Trust the keys that this deploy refused, if this person may approve; the audit log has it, or the refusal."""
    record = await clicked(services, click)
    attempt = permissions.attempt_on(record, click.user, "accept a host key")
    await permissions.check_may_approve(services, attempt, needed_for(record))

    def record_accepted(connection: Connection, accepted: Sequence[ChangedKey]) -> None:
        for key in accepted:
            detail = {"instance": key.instance_id, "before": key.pinned, "now": key.presented}
            entry = Entry(click.user, "host key accepted", record.environment, record.number, detail)
            services.audit.append(connection, entry)

    accepted = await services.host_keys.accept(record.number, click.user, record_accepted)
    if not accepted:
        raise UserError("These keys were accepted already, or a newer deploy has been shown yet others; look there.")
    names = ", ".join(key.instance_id for key in accepted[:NAMED])
    (again, *_) = *await services.annotations.values_of(record.number, COMMAND), f"/deploy {record.environment}"
    await _update_message(services, record, again, click.user, len(accepted))
    keys = phrases.plural(len(accepted), "key")
    return replies.done(f"Accepted the new host {keys} of {names}. Run {again} again.")


async def _update_message(services: Services, record: Record, again: str, user: str, count: int) -> None:
    at, accepted_at = Posted(record.channel, record.message_ts or ""), services.clock()

    async def update() -> None:
        message = await services.chat.read(at)
        if message:
            await services.chat.update(at, views.keys_accepted(message, again, user, count, accepted_at), Lane.DECISION)

    await with_retries(update)


BUTTONS = (Button(views.ACCEPT_KEYS, accept),)
