"""The machines and images that the sandbox begins with: what AWS's seed, the state and the repository agree on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

ENVIRONMENTS = ("dev", "staging", "prod")
MACHINES = ("backend", "cron", "taskrunner", "sftp")
# Where an environment's Terraform code lies in the infrastructure repository.
DIRECTORIES = {"dev": "instances/dev", "staging": "instances/staging", "prod": "instances/production"}
# How old the images of each generation are, in days; the last one is the newest.
AGE_OF_GENERATION = {1: 120.0, 2: 45.0, 3: 9.0, 4: 1.0}
NEWEST = 4
# What runs, and what the seeded state says: dev has the newest images, the others are one generation behind.
RUNNING_GENERATION = {"dev": 4, "staging": 3, "prod": 3}
BASE_IMAGE = "ami-0ba5e000000000001"


@dataclass(frozen=True, slots=True)
class Image:
    """One image: its id never changes, its name ends in the Unix time when it was made."""

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
        """What its Name tag says: the backend's is the environment's name alone."""
        return self.environment if self.machine == "backend" else f"{self.machine}-{self.environment}"

    def made_at(self, now: float) -> float:
        """When it was made, in Unix seconds: the machines of a build end minutes apart."""
        return now - AGE_OF_GENERATION[self.generation] * 86_400 + 240 * MACHINES.index(self.machine)


def images() -> list[Image]:
    """Every image that the sandbox begins with, oldest first."""
    return [
        Image(environment, machine, generation)
        for generation in AGE_OF_GENERATION
        for environment in ENVIRONMENTS
        for machine in MACHINES
    ]


def running_image(environment: str, machine: str) -> Image:
    """The image that the environment's machine was started from."""
    return Image(environment, machine, RUNNING_GENERATION[environment])
