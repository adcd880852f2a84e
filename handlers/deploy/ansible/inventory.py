"""/infra inventory: the hosts of an environment that deploys by Ansible, and how they are reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access import parts
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Invocation, Topic
from bot.slack.blocks import kit, tables
from handlers.shared.ansible.scope import find_hosts, settings_of
from runners import phrases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from runners.results import Inventory


HINT = "<environment>"
USAGE = f"/infra inventory {HINT}"


async def topic(services: Services, invocation: Invocation, words: Sequence[str]) -> Message:
    """The running hosts of an environment, by role."""
    config = await requests.visible_to(services, invocation.user, "/infra inventory", " ".join(words), "see")
    if not words:
        raise UserError(f"Which environment? There are {', '.join(config.environments)}. Usage: {USAGE}")
    environment = parts.choose_one(config, words[0], parts.SERVICES, USAGE)
    settings_of(environment)
    await requests.check_may_use(services, invocation.user, "/infra inventory", "see", environment)
    return page(await find_hosts(services.config, environment, services.aws_of(environment)))


def page(inventory: Inventory) -> Message:
    """A row for each host; the command line prints all of it as JSON."""
    count = len(inventory.hosts)
    title = f"Machines of {inventory.environment}: {count} {phrases.plural(count, 'runs', 'run')}"
    rows = [
        (host.name, host.machine, host.address, host.instance_id, host.image_id, host.zone) for host in inventory.hosts
    ]
    local = inventory.connection != "ssh"
    reached = "on the bot's own machine" if local else f"by ssh as {inventory.user}, port {inventory.port}"
    reached += f" through the bastion {inventory.bastion.host}" if inventory.bastion else ""
    reached += " through sessions of AWS Systems Manager" if inventory.session_manager else ""
    more = f"reached {reached}; `python -m bot inventory {inventory.environment}` prints this for Ansible"
    blocks = [
        kit.header(title),
        tables.table(["Host", "Group", "Address", "Instance", "Image", "Zone"], rows),
    ]
    return kit.message(kit.escape(title), blocks, foot=[kit.context(more)])


TOPICS = (Topic("inventory", HINT, "Which machines Ansible would deploy to, and how it reaches them.", topic),)
