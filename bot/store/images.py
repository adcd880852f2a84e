"""Images: which job built each, the warnings from that job's log, and where each image was rolled out."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.store import sealed
from bot.store.database import Store, insert_new, metadata
from bot.store.rollouts import last_rolled_out, rollouts
from runners.results import BuiltImage, ImageWarning, RollOut

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from runners.results import ImageGroup, Job, LogFinding

TEXT = 300
FINGERPRINT = 64
# What differs from one build to the next in lines that report the same problem: numbers, ids, digests.
VARIABLE_PARTS = re.compile(r"\b(?=[0-9a-f-]*\d)[0-9a-f-]{3,}\b|\d+", re.IGNORECASE)

images = sa.Table(
    "signalbox_images",
    metadata,
    sa.Column("image_id", sa.String(40), primary_key=True),
    sa.Column("machine", sa.String(80), nullable=False),
    sa.Column("environment", sa.String(80), nullable=False),
    sa.Column("repository", sa.String(140), nullable=False),
    sa.Column("sha", sa.String(40), nullable=False),
    sa.Column("run_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("run_number", sa.Integer, nullable=False),
    sa.Column("run_url", sa.String(500), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("job_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("job_url", sa.String(500), nullable=False),
    sa.Column("operation", sa.Integer, nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("size_gb", sa.Integer),
    sa.Column("created_at", sa.Double),
    sa.Index("ix_signalbox_images_newest", "machine", "environment", "created_at", "job_id"),
)

log_warnings = sa.Table(
    "signalbox_log_warnings",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("operation", sa.Integer, nullable=False),
    sa.Column("run_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("job_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("job_name", sa.String(200), nullable=False),
    sa.Column("job_url", sa.String(500), nullable=False),
    sa.Column("machine", sa.String(80), nullable=False),
    sa.Column("environment", sa.String(80), nullable=False),
    sa.Column("pattern", sa.String(200), nullable=False),
    sa.Column("line", sa.Integer, nullable=False),
    sa.Column("text", sa.String(TEXT), nullable=False),
    sa.Column("before", sa.JSON, nullable=False),
    sa.Column("after", sa.JSON, nullable=False),
    sa.Column("step", sa.String(TEXT)),
    sa.Column("fingerprint", sa.String(FINGERPRINT), nullable=False, index=True),
)

# A dismissal also applies to the same line of the same machine role in later builds.
dismissals = sa.Table(
    "signalbox_log_warning_dismissals",
    metadata,
    sa.Column("fingerprint", sa.String(FINGERPRINT), primary_key=True),
    sa.Column("person", sa.String(40), nullable=False),
    sa.Column("reason", sa.String(TEXT), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sealed.seal_column(),
)

log_scans = sa.Table(
    "signalbox_log_scans",
    metadata,
    sa.Column("job_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("lines", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)


@dataclass(frozen=True, slots=True)
class FollowedRun:
    """A run of GitHub Actions with the operation that follows it."""

    operation: int
    run_id: int


@dataclass(frozen=True, slots=True)
class LogScan:
    """That a job's log was read: how many lines, and when (Unix seconds)."""

    lines: int
    at: float


class Images:
    """Reads and writes these tables. Every method is one transaction, and writing the same again changes nothing."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def add(self, image: BuiltImage) -> None:
        """Record the commit, run and job that built an image."""
        row = {name: getattr(image, name) for name in BuiltImage.__slots__}
        await self._store.run(lambda connection: insert_new(connection, images, row))

    async def get(self, image_id: str) -> BuiltImage | None:
        """The image with its origin; None when Signalbox did not follow its build."""
        return next(iter(await self._images(images.c.image_id == image_id)), None)

    async def of_run(self, run_id: int) -> tuple[BuiltImage, ...]:
        """The images that a run built, in all its attempts."""
        return await self._images(images.c.run_id == run_id)

    async def newest(self, machine: str, environment: str) -> BuiltImage | None:
        """The image of this machine role that was built last, or None."""
        same = (images.c.machine == machine) & (images.c.environment == environment)
        order = (images.c.created_at.desc(), images.c.job_id.desc())  # two statements, each of which an index answers
        for dated in (images.c.created_at.is_not(None), images.c.created_at.is_(None)):
            if built := await self._images(same & dated, order=order, limit=1):
                return built[0]
        return None

    async def add_warnings(
        self, followed: FollowedRun, job: Job, group: ImageGroup, findings: Sequence[LogFinding]
    ) -> tuple[ImageWarning, ...]:
        """Record the failure patterns in a job's log (already redacted); all warnings of the job."""
        rows = [_warning_row(followed, job, group, finding) for finding in findings]

        def work(connection: sa.Connection) -> None:
            for row in rows:
                insert_new(connection, log_warnings, row)

        await self._store.run(work)
        return (await self.warnings_of([job.job_id])).get(job.job_id, ())

    async def warnings_of(self, job_ids: Collection[int]) -> Mapping[int, tuple[ImageWarning, ...]]:
        """The warnings from these jobs' logs, by job id, in the order of their lines."""
        by_job: dict[int, tuple[ImageWarning, ...]] = {}
        for warning in await self._warnings(log_warnings.c.job_id.in_(list(job_ids))):
            by_job[warning.job_id] = (*by_job.get(warning.job_id, ()), warning)
        return by_job

    async def warning(self, warning_id: str) -> ImageWarning | None:
        """The warning of this id, or None."""
        return next(iter(await self._warnings(log_warnings.c.id == warning_id)), None)

    async def dismiss(self, warning_id: str, person: str, reason: str) -> bool:
        """Record that this warning is harmless, here and where its line appears again; false when it was dismissed before."""

        def work(connection: sa.Connection) -> bool:
            wanted = sa.select(log_warnings.c.fingerprint).where(log_warnings.c.id == warning_id)
            fingerprint = connection.scalar(wanted)
            row = {"fingerprint": fingerprint, "person": person, "reason": reason[:TEXT], "at": self._clock()}
            return insert_new(connection, dismissals, sealed.sealed(self._store.keyring, dismissals, row))

        return await self._store.run(work)

    async def open_warnings(self, image_ids: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """The warnings that nobody has dismissed, by image id; an image without any, or without a record, is absent."""
        built = await self._images(images.c.image_id.in_(list(image_ids)))
        warnings = await self.warnings_of([image.job_id for image in built])
        by_image = {image.image_id: _open_texts(warnings.get(image.job_id, ())) for image in built}
        return {image_id: texts for image_id, texts in by_image.items() if texts}

    async def add_log_scan(self, job_id: int, lines: int) -> None:
        """Record that the log of a job was read, and how many lines it had."""
        row = {"job_id": job_id, "lines": lines, "at": self._clock()}
        await self._store.run(lambda connection: insert_new(connection, log_scans, row))

    async def log_scan(self, job_id: int) -> LogScan | None:
        """When the log of a job was read; None when it was not."""
        wanted = sa.select(log_scans.c.lines, log_scans.c.at).where(log_scans.c.job_id == job_id)
        row = await self._store.run(lambda connection: connection.execute(wanted).first())
        return LogScan(int(row.lines), float(row.at)) if row else None

    async def add_rollout(self, rollout: RollOut) -> None:
        """Record that an apply put an image on a machine."""
        row = {name: getattr(rollout, name) for name in RollOut.__slots__}
        await self._store.run(lambda connection: insert_new(connection, rollouts, row))

    async def last_rolled_out(self) -> Mapping[str, str]:
        """The images of the last two rollouts to each machine, by id, with a description: a rollback may need them."""
        return await self._store.run(last_rolled_out)

    async def rollouts_to(self, environment: str, machine: str, most: int = 50) -> tuple[RollOut, ...]:
        """The last rollouts to a machine role, newest first."""
        rows = rollouts.c
        of_role = sa.select(rollouts).where(rows.environment == environment, rows.machine == machine)
        return await self._rollouts(of_role.order_by(rows.at.desc(), rows.operation.desc()).limit(most))

    async def rollouts_of(self, image_id: str) -> tuple[RollOut, ...]:
        """The rollouts of an image, newest first."""
        return await self._rollouts(
            sa.select(rollouts).where(rollouts.c.image_id == image_id).order_by(rollouts.c.at.desc())
        )

    async def _rollouts(self, wanted: sa.Select[Any]) -> tuple[RollOut, ...]:
        rows = await self._store.run(lambda connection: connection.execute(wanted).mappings().all())
        return tuple(RollOut(**{name: row[name] for name in RollOut.__slots__}) for row in rows)

    async def _images(
        self, where: sa.ColumnElement[bool], *, order: Sequence[Any] = (images.c.job_id,), limit: int | None = None
    ) -> tuple[BuiltImage, ...]:
        wanted = sa.select(images).where(where).order_by(*order).limit(limit)
        rows = await self._store.run(lambda connection: connection.execute(wanted).mappings().all())
        return tuple(BuiltImage(**{name: row[name] for name in BuiltImage.__slots__}) for row in rows)

    async def _warnings(self, where: sa.ColumnElement[bool]) -> tuple[ImageWarning, ...]:
        joined = log_warnings.outerjoin(dismissals, log_warnings.c.fingerprint == dismissals.c.fingerprint)
        wanted = (
            sa.select(log_warnings, *(dismissals.c[name] for name in ("person", "reason", "at", sealed.COLUMN)))
            .select_from(joined)
            .where(where)
            .order_by(log_warnings.c.job_id, log_warnings.c.line, log_warnings.c.id)
        )
        rows = await self._store.run(lambda connection: connection.execute(wanted).mappings().all())
        return tuple(_warning(row, dismissed=self._is_dismissed(row)) for row in rows)

    def _is_dismissed(self, row: sa.RowMapping) -> bool:
        """Whether a person dismissed the warning of this row; a dismissal that does not verify does not count."""
        return row["person"] is not None and sealed.verifies(self._store.keyring, dismissals, row)


def fingerprint_of(machine: str, finding: LogFinding) -> str:
    """A digest (hex) that lines with the same problem share; a truncated line has the digest of its beginning."""
    constant = VARIABLE_PARTS.sub("#", finding.text[:TEXT])
    return hashlib.sha256(f"{machine}\0{finding.pattern}\0{constant}".encode()).hexdigest()


def _warning_row(followed: FollowedRun, job: Job, group: ImageGroup, finding: LogFinding) -> dict[str, Any]:
    identity = f"{job.job_id} {finding.line} {finding.pattern} {finding.text}"
    # Without a line the warning is about the image itself, and a dismissal applies to this job alone.
    alike = fingerprint_of(group.machine, finding) if finding.line else f"{job.job_id} {finding.text}"[:FINGERPRINT]
    return {
        "id": hashlib.sha256(identity.encode()).hexdigest()[:20],
        "operation": followed.operation,
        "run_id": followed.run_id,
        "job_id": job.job_id,
        "job_name": job.name[:200],
        "job_url": job.url,
        "machine": group.machine,
        "environment": group.environment,
        "pattern": finding.pattern[:200],
        "line": finding.line,
        "text": finding.text[:TEXT],
        "before": [text[:TEXT] for text in finding.before],
        "after": [text[:TEXT] for text in finding.after],
        "step": finding.step[:TEXT] if finding.step else None,
        "fingerprint": alike,
    }


def _open_texts(warnings: Sequence[ImageWarning]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(warning.pattern if warning.line else warning.text for warning in warnings if warning.is_open)
    )


def _warning(row: sa.RowMapping, *, dismissed: bool) -> ImageWarning:
    values: dict[str, Any] = {name: row[name] for name in ImageWarning.__slots__ if name in row}
    person, reason = (row["person"], row["reason"]) if dismissed else ("", "")
    values |= {"before": tuple(row["before"]), "after": tuple(row["after"]), "reason": reason}
    return ImageWarning(**values, dismissed_by=person)
