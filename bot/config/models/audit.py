"""The audit log: where its anchors are sent, and how often."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Self

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


class Stream(Model):
    """One destination of a copy: a file or a syslog address."""

    file: Text | None = None
    syslog: Annotated[str, AfterValidator(_syslog)] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        *names, last = type(self).model_fields
        if sum(getattr(self, name) is not None for name in (*names, last)) != 1:
            raise ValueError(f"names one of {', '.join(names)} or {last}; write a list entry for each")
        return self

    @property
    def name(self) -> str:
        """The destination as messages name it; what it has is counted under this name."""
        return f"file {self.file}" if self.file else f"{self.syslog}"


class Destination(Stream):
    """One destination of anchors: a file, a syslog address, a bucket or a channel."""

    s3: S3 | None = None
    channel: Channel | None = None

    @property
    def name(self) -> str:
        """The destination as messages name it; its anchors are counted under this name."""
        if self.s3:
            return f"s3://{self.s3.bucket}/{self.s3.prefix}"
        return f"channel {self.channel}" if self.channel else Stream.name.__get__(self)


class Anchor(Model):
    """Anchors are sent `every` so often if there are new entries, and after so many new `entries`."""

    to: Annotated[tuple[Destination, ...], Field(min_length=1)]
    every: Duration = timedelta(hours=1)
    entries: Annotated[int, Field(ge=1)] = 100


class Audit(Model):
    """Without `anchor` nothing outside of the database proves that the newest entries are still there.

    Each entry is copied to the destinations of `copy_to` as it is made.
    """

    anchor: Anchor | None = None
    copy_to: tuple[Stream, ...] = ()
