"""The machine roles and images that the sandbox begins with, and how Packer names what it makes for a build."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

ENVIRONMENTS = ("dev", "staging", "prod")
MACHINES = ("backend", "cron", "taskrunner", "sftp")
# The directory of each environment's Terraform code in the infrastructure repository.
DIRECTORIES = {"dev": "instances/dev", "staging": "instances/staging", "prod": "instances/production"}
# How old the images of each generation are, in days; the last one is the newest.
AGE_OF_GENERATION = {1: 120.0, 2: 45.0, 3: 9.0, 4: 1.0}
NEWEST = 4
# The generation in use, also in the seeded state: dev has the newest images, the others are a generation behind.
RUNNING_GENERATION = {"dev": 4, "staging": 3, "prod": 3}
BASE_IMAGE = "ami-0ba5e000000000001"
PACKER_NAME_TAG = "Packer Builder"
PACKER_GROUP_DESCRIPTION = "Temporary group for Packer"


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its id is constant, its name ends in the Unix time when it was made."""

    environment: str
    machine: str
    generation: int

    @property
    def image_id(self) -> str:
        """`ami-` and 17 hex digits."""
        seed = f"{self.environment}/{self.machine}/{self.generation}"
        return f"ami-0{hashlib.sha256(seed.encode()).hexdigest()[:16]}"

    @property
    def hostname(self) -> str:
        """The value of its tag `Name`: for the backend it is the environment's name alone."""
        return self.environment if self.machine == "backend" else f"{self.machine}-{self.environment}"

    def made_at(self, now: float) -> float:
        """When it was made, in Unix seconds: the images of a build are made minutes apart."""
        return now - AGE_OF_GENERATION[self.generation] * 86_400 + 240 * MACHINES.index(self.machine)


def images() -> list[Image]:
    """All images that the sandbox begins with, oldest first."""
    return [
        Image(environment, machine, generation)
        for generation in AGE_OF_GENERATION
        for environment in ENVIRONMENTS
        for machine in MACHINES
    ]


def running_image(environment: str, machine: str) -> Image:
    """The image that the environment's host of this role was started from."""
    return Image(environment, machine, RUNNING_GENERATION[environment])


def packer_name(rng: Random, started: float) -> str:
    """`packer_<uuid>`; the uuid's first 8 hex digits are the start time in Unix seconds, as in Packer's own."""
    rest = f"{rng.getrandbits(96):024x}"
    return f"packer_{int(started):08x}-{rest[:4]}-{rest[4:8]}-{rest[8:12]}-{rest[12:]}"
