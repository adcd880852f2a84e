"""Periodic checks that nobody requests."""

from __future__ import annotations

from datetime import timedelta

from bot.config.models import Model
from bot.config.values import Duration, TerminateAfter, Text


class WatchBuilders(Model):
    """The check for stuck builders.

    A builder is stuck `grace` after the end of its job, after `longest_build` while its job runs, and after `older_than`
    without a known job. `terminate` is None where a person must decide, else the time after which a stuck builder is
    terminated without a decision.
    """

    every: Duration = timedelta(minutes=5)
    older_than: Duration = timedelta(minutes=45)
    grace: Duration = timedelta(minutes=5)
    longest_build: Duration = timedelta(hours=3)
    name_tag: Text = "Packer Builder"
    run_tag: Text = "GITHUB_RUN_ID"
    terminate: TerminateAfter = None


class WatchImages(Model):
    """The periodic proposal of an image clean-up, which a person approves."""

    every: Duration = timedelta(days=7)


class WatchDrift(Model):
    """The periodic plan of each environment, which detects changes outside of Terraform."""

    every: Duration = timedelta(days=1)


class WatchKeys(Model):
    """The report of keys and secrets that are older than `older_than`."""

    every: Duration = timedelta(days=7)
    older_than: Duration = timedelta(days=90)


class Watch(Model):
    """Periodic checks that nobody requests."""

    builders: WatchBuilders | None = None
    images: WatchImages | None = None
    drift: WatchDrift | None = None
    keys: WatchKeys | None = None
