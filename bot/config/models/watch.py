"""What is looked after without being asked."""

from __future__ import annotations

from datetime import timedelta

from bot.config.models import Model
from bot.config.values import Duration, TerminateAfter, Text


class WatchBuilders(Model):
    """Looks for builders that were left running.

    One whose job has ended is stuck after `grace`, one whose job still runs after `longest_build`, and one of which no
    job is known after `older_than`. `terminate` is None where a person has to say so, else for how long a stuck
    builder is left to people before it is terminated without.
    """

    every: Duration = timedelta(minutes=5)
    older_than: Duration = timedelta(minutes=45)
    grace: Duration = timedelta(minutes=5)
    longest_build: Duration = timedelta(hours=3)
    name_tag: Text = "Packer Builder"
    run_tag: Text = "GITHUB_RUN_ID"
    terminate: TerminateAfter = None


class WatchImages(Model):
    """Proposes a clean-up of images now and then, when there is anything to remove; a person decides."""

    every: Duration = timedelta(days=7)


class WatchDrift(Model):
    """Plans each environment now and then, to see what changed outside of Terraform."""

    every: Duration = timedelta(days=1)


class WatchKeys(Model):
    """Looks for keys that have grown old."""

    older_than: Duration = timedelta(days=90)


class Watch(Model):
    """What is looked after without being asked."""

    builders: WatchBuilders | None = None
    images: WatchImages | None = None
    drift: WatchDrift | None = None
    keys: WatchKeys | None = None
