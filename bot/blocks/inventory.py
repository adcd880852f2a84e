"""The machines that Ansible reaches, as an answer to one person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.blocks import kit

if TYPE_CHECKING:
    from bot.blocks.kit import Message
    from runners.results import Inventory


def page(inventory: Inventory) -> Message:
    """A row for each host; the whole of it as JSON comes from the command line."""
    count = len(inventory.hosts)
    title = f"Machines of {inventory.environment}: {count} {'runs' if count == 1 else 'run'}"
    rows = [
        (host.name, host.machine, host.address, host.instance_id, host.image_id, host.zone) for host in inventory.hosts
    ]
    local = inventory.connection != "ssh"
    reached = "on the bot's own machine" if local else f"by ssh as {inventory.user}, port {inventory.port}"
    more = f"reached {reached}; `python -m bot inventory {inventory.environment}` prints this for Ansible"
    blocks = [
        kit.header(title),
        kit.table(["Host", "Group", "Address", "Instance", "Image", "Zone"], rows),
    ]
    return kit.message(kit.escape(title), blocks, foot=[kit.context(more)])
