"""`python -m bot audit verify` and `export`: what the audit log proves, in words; and its entries as JSON or CSV."""

from __future__ import annotations

import io
import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.access import since
from bot.config.values import PART
from bot.errors import NothingThereError, UserError
from bot.store import audit, audit_export
from bot.store.anchors import AnchorError, read_anchors
from bot.store.audit_table import missing_triggers
from bot.store.audit_verification import UnreadableEntryError, read_all, verify

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.config import Config
    from bot.seals import Keyring
    from bot.store.anchors import Anchor
    from bot.store.audit import StoredEntry
    from bot.store.database import Store

OVERDUE = 2  # intervals after which an anchor that is due is missing
_S3 = re.compile(r"s3://([a-z0-9][a-z0-9.-]+)(?:/(.*))?")


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported, and how: all entries as JSON, unless said otherwise.

    `since` is what `bot.access.since` reads, in UTC; `environment` includes its parts.
    """

    as_csv: bool = False
    since: str | None = None
    environment: str | None = None


def export(store: Store, config: Config, wanted: Export) -> int:
    """Print the entries. A reader may stop early."""
    _check_exists(store)
    entries = _chosen(read_all(store.engine), config, wanted)
    if isinstance(sys.stdout, io.TextIOWrapper):  # whatever the locale is, and as RFC 4180 ends its lines
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")
    try:
        (audit_export.write_csv if wanted.as_csv else audit_export.write_json)(entries, sys.stdout)
        sys.stdout.flush()
    except UnreadableEntryError as error:
        raise UserError(f"The export ends here: {error}.") from error
    except BrokenPipeError:
        # Python flushes stdout again when it ends (docs.python.org/3/library/signal.html, "Note on SIGPIPE").
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _chosen(entries: Iterable[StoredEntry], config: Config, wanted: Export) -> Iterable[StoredEntry]:
    begin = since.since(wanted.since, time.time()) if wanted.since else 0.0
    if begin is None:
        raise UserError(f"{wanted.since} is no time. Write {since.FORMS}.")
    if wanted.environment is None:
        return (stored for stored in entries if not begin or stored.at >= begin)
    named = config.find(wanted.environment)
    # Also what is no longer in the configuration may be asked for.
    name = named.name if named else wanted.environment
    return (
        stored
        for stored in entries
        if stored.at >= begin
        and (stored.entry.environment == name or stored.entry.environment.startswith(f"{name}{PART}"))
    )


def verify_log(store: Store, keyring: Keyring | None, config: Config, source: str | None) -> int:
    """Print the verdict; `source` is where the anchors are: a file, s3://bucket/prefix, or "-" for lines on stdin.

    Returns 0 if nothing contradicts the log, 1 for a fault. Raises UserError if the anchors cannot be read.
    """
    _check_exists(store)
    if source and not keyring:
        raise UserError("Anchors are checked with SIGNALBOX_KEY, which is not set.")
    try:
        anchors = _anchors(source, keyring, config) if source and keyring else None
    except AnchorError as error:
        print(f"The anchors in {source} are not whole: {error}")
        return 1
    settings = config.audit.anchor
    due_since = time.time() - OVERDUE * settings.every.total_seconds() if settings else None
    verdict = verify(read_all(store.engine), keyring, anchors, due_since=due_since)
    extent = f"{verdict.extent}, {store.location}"
    if verdict.fault:
        print(f"{verdict.fault} ({extent})")
        return 1
    print(f"The audit log is intact: {extent}", *verdict.statements, *_unprotected(store), sep="\n")
    return 0


def _unprotected(store: Store) -> list[str]:
    """The warning where the database no longer refuses to change entries."""
    with store.engine.begin() as connection:
        missing = missing_triggers(connection)
    if not missing:
        return []
    warning = (
        f"WARNING: the database no longer refuses to change or remove entries: {', '.join(missing)} is missing or "
        "disabled. Somebody who may change its tables did that. docs/audit-log.md says how to restore it."
    )
    return [warning]


def _check_exists(store: Store) -> None:
    with store.engine.begin() as connection:
        if not audit.exists(connection):
            raise NothingThereError(store.location)


def _anchors(source: str, keyring: Keyring, config: Config) -> Sequence[Anchor]:
    if source == "-":
        return read_anchors(sys.stdin, keyring, strict=False)
    if source.startswith("s3://"):
        return read_anchors(_in_bucket(source, config), keyring, strict=True)
    try:
        with Path(source).open(encoding="utf-8", errors="replace") as file:
            return read_anchors(file, keyring, strict=True)
    except OSError as error:
        raise UserError(f"{source} cannot be read: {error.strerror}.") from error


def _in_bucket(source: str, config: Config) -> Iterable[str]:
    from runners.anchoring import Bucket  # noqa: PLC0415  -- boto3 takes 0.2 s to import

    named = _S3.fullmatch(source)
    if not named:
        raise UserError(f"{source} is no bucket; write s3://bucket/prefix.")
    place = config.bucket_in(_region(named[1], config))
    return Bucket(named[1], named[2] or "", place.region, place.profile).lines()


def _region(bucket: str, config: Config) -> str | None:
    """The region that audit.anchor.to names for this bucket."""
    configured = [to.s3 for to in (config.audit.anchor.to if config.audit.anchor else ()) if to.s3]
    return next((s3.region for s3 in configured if s3.bucket == bucket and s3.region), None)
