"""The record of images: which job made each, what its log said, where it was rolled out."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.store.database import Store, insert_new, tables
from runners.results import BuiltImage, RollOut, Suspicion

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from runners.results import ImageGroup, Job, LogFinding

TEXT = 300
LIKENESS = 64
# What differs from one build to the next in a line that says the same: numbers, ids, digests.
PASSING = re.compile(r"\b(?=[0-9a-f-]*\d)[0-9a-f-]{3,}\b|\d+", re.IGNORECASE)

images = sa.Table(
    "signalbox_images",
    tables,
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
)

suspicions = sa.Table(
    "signalbox_suspicions",
    tables,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("operation", sa.Integer, nullable=False),
    sa.Column("run_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("job_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("job_name", sa.String(200), nullable=False),
    sa.Column("job_url", sa.String(500), nullable=False),
    sa.Column("machine", sa.String(80), nullable=False),
    sa.Column("environment", sa.String(80), nullable=False),
    sa.Column("sign", sa.String(200), nullable=False),
    sa.Column("line", sa.Integer, nullable=False),
    sa.Column("text", sa.String(TEXT), nullable=False),
    sa.Column("before", sa.JSON, nullable=False),
    sa.Column("after", sa.JSON, nullable=False),
    sa.Column("step", sa.String(TEXT)),
    sa.Column(
        "likeness", sa.String(LIKENESS), nullable=False, index=True
    ),  # of lines that say the same on this machine
)

# A person's word that a sign is harmless holds for the same line of the same machine in later builds as well.
dismissals = sa.Table(
    "signalbox_dismissals",
    tables,
    sa.Column("likeness", sa.String(LIKENESS), primary_key=True),
    sa.Column("person", sa.String(40), nullable=False),
    sa.Column("reason", sa.String(TEXT), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

logs_read = sa.Table(
    "signalbox_logs_read",
    tables,
    sa.Column("job_id", sa.BigInteger, primary_key=True),
    sa.Column("lines", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

rollouts = sa.Table(
    "signalbox_rollouts",
    tables,
    sa.Column("operation", sa.Integer, primary_key=True),
    sa.Column("image_id", sa.String(40), primary_key=True),
    sa.Column("machine", sa.String(200), primary_key=True),
    sa.Column("environment", sa.String(80), nullable=False),
    sa.Column("person", sa.String(40), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """Who saw a job end: the operation, and the run that it follows."""

    operation: int
    run_id: int


@dataclass(frozen=True, slots=True)
class LogRead:
    """That a job's log was read: how many lines of it, and when (Unix seconds)."""

    lines: int
    at: float


class ImageRecord:
    """Reads and writes the record. Every method is one transaction, and writing the same again changes nothing."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def keep(self, image: BuiltImage) -> None:
        """Remember where an image comes from."""
        row = {name: getattr(image, name) for name in BuiltImage.__slots__}
        await self._store.run(lambda connection: insert_new(connection, images, row))

    async def get(self, image_id: str) -> BuiltImage | None:
        """Where the image comes from; None when Signalbox did not see it being built."""
        found = await self._images(images.c.image_id == image_id)
        return found[0] if found else None

    async def of_run(self, run_id: int) -> tuple[BuiltImage, ...]:
        """The images that came out of a run, of all its attempts."""
        return await self._images(images.c.run_id == run_id)

    async def newest(self, machine: str, environment: str) -> BuiltImage | None:
        """The machine's image that came out last."""
        found = await self._images((images.c.machine == machine) & (images.c.environment == environment))
        return max(found, key=lambda image: (image.created_at or 0.0, image.job_id), default=None)

    async def suspect(
        self, seen: Seen, job: Job, group: ImageGroup, findings: Sequence[LogFinding]
    ) -> tuple[Suspicion, ...]:
        """Remember the signs of failure in a job's log (redacted already); gives all that are known of the job."""
        rows = [
            {
                "id": hashlib.sha256(f"{job.job_id} {finding.line} {finding.sign} {finding.text}".encode()).hexdigest()[
                    :20
                ],
                "operation": seen.operation,
                "run_id": seen.run_id,
                "job_id": job.job_id,
                "job_name": job.name[:200],
                "job_url": job.url,
                "machine": group.machine,
                "environment": group.environment,
                "sign": finding.sign[:200],
                "line": finding.line,
                "text": finding.text[:TEXT],
                "before": [text[:TEXT] for text in finding.before],
                "after": [text[:TEXT] for text in finding.after],
                "step": finding.step[:TEXT] if finding.step else None,
                "likeness": likeness(group.machine, finding)
                if finding.line
                else f"{job.job_id} {finding.text}"[:LIKENESS],
            }
            for finding in findings
        ]

        def work(connection: sa.Connection) -> None:
            for row in rows:
                insert_new(connection, suspicions, row)

        await self._store.run(work)
        return (await self.suspicions([job.job_id])).get(job.job_id, ())

    async def suspicions(self, job_ids: Collection[int]) -> Mapping[int, tuple[Suspicion, ...]]:
        """The signs of failure that these jobs' logs showed, by job id, in the order of their lines."""
        by_job: dict[int, tuple[Suspicion, ...]] = {}
        for suspicion in await self._suspicions(suspicions.c.job_id.in_(list(job_ids))):
            by_job[suspicion.job_id] = (*by_job.get(suspicion.job_id, ()), suspicion)
        return by_job

    async def note_read(self, job_id: int, lines: int) -> None:
        """Remember that the log of a job was read, and how many lines it had."""
        row = {"job_id": job_id, "lines": lines, "at": self._clock()}
        await self._store.run(lambda connection: insert_new(connection, logs_read, row))

    async def log_read(self, job_id: int) -> LogRead | None:
        """When the log of a job was read; None when it was not, or before that was kept."""
        wanted = sa.select(logs_read.c.lines, logs_read.c.at).where(logs_read.c.job_id == job_id)
        row = await self._store.run(lambda connection: connection.execute(wanted).first())
        return LogRead(int(row.lines), float(row.at)) if row else None

    async def suspicion(self, suspicion_id: str) -> Suspicion | None:
        """The one of this id."""
        found = await self._suspicions(suspicions.c.id == suspicion_id)
        return found[0] if found else None

    async def dismiss(self, suspicion_id: str, person: str, reason: str) -> bool:
        """Remember that this is harmless, here and where the same line comes again; false when somebody said so before."""

        def work(connection: sa.Connection) -> bool:
            same = connection.scalar(sa.select(suspicions.c.likeness).where(suspicions.c.id == suspicion_id))
            row = {"likeness": same, "person": person, "reason": reason[:TEXT], "at": self._clock()}
            return insert_new(connection, dismissals, row)

        return await self._store.run(work)

    async def doubts(self, image_ids: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Why these images should not be trusted, by image id; those without doubts, or unknown here, are left out."""
        built = await self._images(images.c.image_id.in_(list(image_ids)))
        signs = await self.suspicions([image.job_id for image in built])
        found = {image.image_id: _standing(signs.get(image.job_id, ())) for image in built}
        return {image_id: doubts for image_id, doubts in found.items() if doubts}

    async def rolled_out(self, one: RollOut) -> None:
        """Remember that an apply put an image on a machine."""
        row = {name: getattr(one, name) for name in RollOut.__slots__}
        await self._store.run(lambda connection: insert_new(connection, rollouts, row))

    async def last_rolled_out(self, count: int = 2) -> Mapping[str, str]:
        """The images of the last applies on each machine, by id, with what they are: what a way back may need."""
        wanted = sa.select(rollouts).order_by(rollouts.c.at.desc())
        rows = await self._store.run(lambda connection: connection.execute(wanted).mappings().all())
        seen: dict[tuple[str, str], list[str]] = {}
        named: dict[str, str] = {}
        for row in rows:
            own = seen.setdefault((row["environment"], row["machine"]), [])
            if row["image_id"] in own or len(own) >= count:
                continue
            own.append(row["image_id"])
            named.setdefault(
                row["image_id"], f"rolled out to {row['machine']} in {row['environment']} by #{row['operation']}"
            )
        return named

    async def rollouts_of(self, image_id: str) -> tuple[RollOut, ...]:
        """Where an image was rolled out, newest first."""
        wanted = sa.select(rollouts).where(rollouts.c.image_id == image_id).order_by(rollouts.c.at.desc())
        rows = await self._store.run(lambda connection: connection.execute(wanted).mappings().all())
        return tuple(RollOut(**{name: row[name] for name in RollOut.__slots__}) for row in rows)

    async def _images(self, where: sa.ColumnElement[bool]) -> tuple[BuiltImage, ...]:
        wanted = sa.select(images).where(where).order_by(images.c.job_id)
        rows = await self._store.run(lambda connection: connection.execute(wanted).mappings().all())
        return tuple(BuiltImage(**{name: row[name] for name in BuiltImage.__slots__}) for row in rows)

    async def _suspicions(self, where: sa.ColumnElement[bool]) -> tuple[Suspicion, ...]:
        word = suspicions.outerjoin(dismissals, suspicions.c.likeness == dismissals.c.likeness)
        wanted = (
            sa.select(suspicions, dismissals.c.person, dismissals.c.reason)
            .select_from(word)
            .where(where)
            .order_by(suspicions.c.job_id, suspicions.c.line, suspicions.c.id)
        )
        rows = await self._store.run(lambda connection: connection.execute(wanted).mappings().all())
        return tuple(_suspicion(row) for row in rows)


def likeness(machine: str, finding: LogFinding) -> str:
    """What lines that say the same have in common (hex digest); a line cut off says the same as its beginning."""
    same = PASSING.sub("#", finding.text[:TEXT])
    return hashlib.sha256(f"{machine}\0{finding.sign}\0{same}".encode()).hexdigest()


def _standing(signs: Sequence[Suspicion]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sign.sign if sign.line else sign.text for sign in signs if sign.stands))


def _suspicion(row: sa.RowMapping) -> Suspicion:
    values: dict[str, Any] = {name: row[name] for name in Suspicion.__slots__ if name in row}
    values |= {"before": tuple(row["before"]), "after": tuple(row["after"]), "reason": row["reason"] or ""}
    return Suspicion(**values, dismissed_by=row["person"] or "")
