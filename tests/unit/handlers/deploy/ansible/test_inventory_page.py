"""The machines that Ansible reaches, as they are shown."""

from __future__ import annotations

from dataclasses import replace

from handlers.deploy.ansible.inventory import page
from runners.results import Host, Inventory
from tests.unit.bot.drawn import read

ONE = Inventory(
    "staging", (Host("staging-cron", "cron", "i-1", "10.0.0.9", "ami-1", "us-west-2a"),), "deployer", 22222, "ssh"
)


def test_each_host_has_a_row_and_how_it_is_reached_is_said() -> None:
    rendered = read(page(ONE))
    assert "Machines of staging: 1 runs" in rendered
    for piece in ("staging-cron", "cron", "10.0.0.9", "i-1", "ami-1", "us-west-2a"):
        assert piece in rendered
    assert "reached by ssh as deployer, port 22222" in rendered
    assert "on the bot's own machine" in read(page(replace(ONE, connection="local")))


def test_five_hundred_hosts_are_still_a_message() -> None:
    hosts = tuple(replace(ONE.hosts[0], name=f"staging-cron-{number}") for number in range(500))
    rendered = read(page(replace(ONE, hosts=hosts)))
    assert "Machines of staging: 500 run" in rendered
    assert "more" in rendered
