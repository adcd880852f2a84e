"""The audit log: where its anchors are sent, and how often."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from bot.config.models import Model
from bot.config.values import Channel, Duration, Region, Text

_SYSLOG = re.compile(r"/\S+|(?:udp|tcp)://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?")


def _syslog(text: str) -> str:
    if not _SYSLOG.fullmatch(text):
        raise ValueError(f'"{text[:60]}" is no syslog address; write /dev/log, udp://host:514 or tcp://host:601')
    return text


class S3(Model):
    """A bucket with object lock; `retain` is how long nobody can delete an anchor there."""

    bucket: Annotated[Text, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    prefix: Text = "signalbox-audit/"
    retain: Duration = timedelta(days=365)
    region: Region | None = None


class Destination(Model):
    """One destination of anchors: a file, a syslog address, a bucket or a channel."""

    file: Text | None = None
    syslog: Annotated[str, AfterValidator(_syslog)] | None = None
    s3: S3 | None = None
    channel: Channel | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Destination:
        if sum(value is not None for value in (self.file, self.syslog, self.s3, self.channel)) != 1:
            raise ValueError("names one of file, syslog, s3 or channel; write a list entry for each")
        return self

    @property
    def name(self) -> str:
        """The destination as messages name it; its anchors are counted under this name."""
        bucket = f"s3://{self.s3.bucket}/{self.s3.prefix}" if self.s3 else ""
        return f"file {self.file}" if self.file else bucket or self.syslog or f"channel {self.channel}"


class Anchor(Model):
    """Anchors are sent `every` so often if there are new entries, and after so many new `entries`."""

    to: Annotated[tuple[Destination, ...], Field(min_length=1)]
    every: Duration = timedelta(hours=1)
    entries: Annotated[int, Field(ge=1)] = 100


class Audit(Model):
    """Without `anchor` nothing outside of the database proves that the newest entries are still there."""

    anchor: Anchor | None = None
