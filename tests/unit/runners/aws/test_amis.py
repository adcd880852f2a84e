"""Which image each machine runs, as a plan that has nothing to do reports it."""

from __future__ import annotations

from runners.aws import amis
from runners.results import Image, PlanSummary

SUMMARY = PlanSummary(
    "d",
    "terraform 1.11.4",
    (),
    images=(
        ("aws_instance.bastion", "ami-00000003"),
        ('module.machine["cron"].aws_instance.server[0]', "ami-00000002"),
        ('module.machine["cron"].aws_instance.server[1]', "ami-00000002"),
        ('module.machine["backend"].aws_instance.server', "ami-00000001"),
    ),
)


def test_machines_come_in_their_order_each_image_once_and_others_by_their_address() -> None:
    assert amis.running(SUMMARY, ["backend", "cron", "sftp"]) == (
        ("backend", Image("ami-00000001")),
        ("cron", Image("ami-00000002")),
        ("aws_instance.bastion", Image("ami-00000003")),
    )
