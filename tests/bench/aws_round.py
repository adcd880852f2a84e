"""Reads a large AWS account: the builders while there are none, and all images with what uses them."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import time
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

from runners.aws.builders.discovery import find_builders
from runners.aws.builders.recognition import Recognition
from runners.aws.client import Account, listed
from runners.aws.images.listing import list_images
from runners.aws.images.retention import RetentionRules
from runners.results import ImageGroup, KeepRule, Retention
from sandbox.bot_process import PROJECT
from tests.bench.aws_listing import NAMES, NOW, Region, answering
from tests.bench.figures import Figure
from tests.bench.memory import peak

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

REGIONS = ("us-west-2", "us-east-1", "eu-west-1")
INSTANCES, IMAGES, FEW = 5_000, 10_000, 500
# Key pairs, security groups, and instances by key pair, name tag and run tag.
QUIET_CALLS = 5 * len(REGIONS)
BESIDE_ALL, SECONDS, MEGABYTES, GROWTH = 0.1, 20.0, 60.0, 1.5

_Used = dict[str, float]


async def measure(*, quick: bool) -> list[Figure]:
    """Run each reading in a process of its own, in turn; processor time is measured, as there is no network to wait for."""
    tasks = 1 if quick else 3
    pairs = [(await _round("builders"), await _round("instances")) for _ in range(tasks)]
    many = [await _round("images") for _ in range(tasks)]
    few = [await _round("images", instances=FEW) for _ in range(tasks)]
    quiet, everything = pairs[0]
    images = many[0]
    large, small = (median([item["megabytes"] for item in used]) for used in (many, few))
    return [
        Figure("AWS, quiet round: calls", quiet["calls"], "", QUIET_CALLS, detail=f"{quiet['kilobytes']:.0f} KB told"),
        Figure(
            "AWS, quiet round: time beside listing all",
            median([item["seconds"] / other["seconds"] for item, other in pairs]),
            "",
            BESIDE_ALL,
            detail=f"{INSTANCES} instances: {everything['calls']:.0f} calls, {everything['kilobytes'] / 1e3:.1f} MB",
        ),
        Figure(
            "AWS, images: time",
            median([item["seconds"] for item in many]),
            " s",
            SECONDS,
            detail=f"{IMAGES} images, {INSTANCES} instances, {len(REGIONS)} regions: {images['calls']:.0f} calls, "
            f"{images['kilobytes'] / 1e3:.0f} MB told, {images['found']:.0f} free",
        ),
        Figure("AWS, images: memory", large, " MB", MEGABYTES, detail="over what the process had before"),
        Figure(
            f"AWS, images: memory beside that with {FEW} instances", large / small, "", GROWTH, detail=f"{small:.0f} MB"
        ),
    ]


async def _round(what: str, *, instances: int = INSTANCES, images: int = IMAGES) -> _Used:
    argv = (sys.executable, "-m", "tests.bench.aws_round", what, str(instances), str(images))
    child = await asyncio.create_subprocess_exec(
        *argv,
        cwd=PROJECT,
        env={
            **os.environ,
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    text, _ = await child.communicate()
    if child.returncode:
        raise RuntimeError(f"the round of {what} ended with {child.returncode}")
    used: _Used = json.loads(text)
    return used


async def _builders(account: Account) -> int:
    result = await find_builders(account, Recognition())
    if result.unreadable:
        raise RuntimeError(str(result.unreadable[0]))
    return len(result.builders)


async def _images(account: Account) -> int:
    groups = [ImageGroup("any", name, name) for name in NAMES]
    keep = KeepRule(newest=3, younger_than=timedelta(days=30))
    result = await list_images(account, groups, RetentionRules(keep, {}, NOW))
    # The measurement is valid only if the retention of each image was decided.
    if result.unreadable or len(result.images) != sum(1 for image in result.images if image.retention in Retention):
        raise RuntimeError("the list of images is not complete")
    return len(result.deletable)


async def _instances(account: Account) -> int:
    """A reading of builders without filters."""
    return sum(
        len(item["Instances"])
        for region in account.regions
        for item in listed(account.ec2(region), "describe_instances", "Reservations", page=1000)
    )


READINGS: dict[str, Callable[[Account], Coroutine[Any, Any, int]]] = {
    "builders": _builders,
    "images": _images,
    "instances": _instances,
}


def _use(what: str, instances: int, images: int) -> _Used:
    account = Account(REGIONS)
    regions: list[Region] = answering(account, instances, images)
    gc.collect()
    before, began = peak(), time.process_time()
    result = asyncio.run(READINGS[what](account))
    return {
        "seconds": time.process_time() - began,
        "megabytes": max(peak() - before, 0.1),
        "calls": sum(region.calls for region in regions),
        "kilobytes": sum(region.sent for region in regions) / 1e3,
        "found": result,
    }


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=READINGS)
    parser.add_argument("instances", type=int)
    parser.add_argument("images", type=int)
    given = parser.parse_args()
    print(json.dumps(_use(given.what, given.instances, given.images)))  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    _main()
