"""What runners hand back: frozen values, safe to store and to show (nothing sensitive is ever in them)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from runners.aws_results import (
    Outcome,
    Step,
    Unread,
)
from runners.builder_results import (
    AttachedVolume,
    Builder,
    Cost,
    FoundBuilders,
    Joined,
    JoinedBy,
    KeyPair,
    Leftovers,
    LooseGroup,
    LooseVolume,
    Match,
    SecurityGroup,
    Termination,
    Verdict,
)
from runners.daemon_results import DaemonSeen
from runners.host_results import (
    ChangedKey,
    FailedTask,
    Host,
    HostResult,
    Inventory,
    PlaybookResult,
    TaskChange,
)
from runners.image_results import (
    Candidate,
    ImageGroup,
    ImageStanding,
    ImageSurvey,
    KeepRule,
    LooseEnds,
    LooseSnapshot,
    Removal,
    Removed,
    Snapshot,
    Standing,
    What,
)

if TYPE_CHECKING:
    from datetime import datetime

# What these other files define is had from here as well: whoever draws results imports this module alone.
__all__ = [
    "AttachedVolume",
    "Builder",
    "Candidate",
    "ChangedKey",
    "Cost",
    "DaemonSeen",
    "FailedTask",
    "FoundBuilders",
    "Host",
    "HostResult",
    "ImageGroup",
    "ImageStanding",
    "ImageSurvey",
    "Inventory",
    "Joined",
    "JoinedBy",
    "KeepRule",
    "KeyPair",
    "Leftovers",
    "LooseEnds",
    "LooseGroup",
    "LooseSnapshot",
    "LooseVolume",
    "Match",
    "Outcome",
    "PlaybookResult",
    "Removal",
    "Removed",
    "SecurityGroup",
    "Snapshot",
    "Standing",
    "Step",
    "TaskChange",
    "Termination",
    "Unread",
    "Verdict",
    "What",
]


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of a repository on GitHub.

    `sha` is the full 40 hex digits; `subject` the first line of its message; `ref` what was asked for.
    """

    repository: str
    sha: str
    ref: str
    subject: str
    author: str
    url: str

    @property
    def short(self) -> str:
        """The first seven digits, as people say it."""
        return self.sha[:7]


class State(StrEnum):
    """How a job, a run or a host stands."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self not in (State.WAITING, State.RUNNING)


@dataclass(frozen=True, slots=True)
class Job:
    """One job of a workflow run. `failing_step` names the first failed step; times are aware UTC."""

    job_id: int
    name: str
    state: State
    url: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    failing_step: str | None = None


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """One run of a GitHub Actions workflow with its jobs, as last seen. Times are aware UTC.

    `actor` is the login of who started this attempt, `event` what GitHub calls its cause ("workflow_dispatch"), `branch` the
    branch or tag. While GitHub tells nothing new, `stale_since` is when it last answered and `stale_because` why.
    """

    repository: str
    run_id: int
    number: int
    attempt: int
    workflow: str
    head_sha: str
    state: State
    url: str
    created_at: datetime
    jobs: tuple[Job, ...] = ()
    ended_at: datetime | None = None
    actor: str = ""
    event: str = ""
    branch: str = ""
    stale_since: datetime | None = None
    stale_because: str = ""

    @property
    def failed_jobs(self) -> tuple[Job, ...]:
        """The jobs that ended badly, in GitHub's order."""
        return tuple(job for job in self.jobs if job.state in (State.FAILED, State.CANCELLED, State.UNKNOWN))


class Change(StrEnum):
    """What a plan means to do with one resource, worst first."""

    DELETE = "delete"
    REPLACE = "replace"
    FORGET = "forget"
    UPDATE = "update"
    CREATE = "create"
    READ = "read"
    MOVE = "move"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """One attribute: `before` and `after` as shown to people.

    None means absent. Sensitive values are already "(sensitive)"; what only the apply will tell is
    "(known after apply)". `forces_replacement` when this attribute is why the resource is replaced.
    """

    path: str
    before: str | None
    after: str | None
    forces_replacement: bool = False


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """One resource of a plan and what would happen to it.

    `detailed` is false where the plan is too big to compare all attributes: then `attributes` is empty.
    """

    address: str
    type: str
    change: Change
    attributes: tuple[AttributeChange, ...] = ()
    reason: str | None = None
    previous_address: str | None = None
    detailed: bool = True


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """An error or warning as Terraform words it. `severity` is "error" or "warning", or "note" for what is good to know.

    `url` is where more can be read.
    """

    severity: str
    summary: str
    detail: str = ""
    filename: str | None = None
    line: int | None = None
    snippet: str | None = None
    address: str | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """A saved plan, read from `terraform show -json`.

    `digest` is the SHA-256 (hex) of the plan file's bytes; `changes` are sorted worst first and
    hold no no-ops; `outputs` are the changed output values; `drift` what changed outside of
    Terraform; `resources` how many managed resources the planned state holds; `url` where else it can be looked at.
    Where nothing is to be done, `images` are the AMI ids by the address of the resource that has one.
    """

    digest: str
    program: str
    changes: tuple[ResourceChange, ...]
    outputs: tuple[AttributeChange, ...] = ()
    drift: tuple[ResourceChange, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    resources: int = 0
    url: str = ""
    images: tuple[tuple[str, str], ...] = ()

    @property
    def up_to_date(self) -> bool:
        """Whether applying this plan would do nothing."""
        return not self.changes and not self.outputs

    def count(self, change: Change) -> int:
        """How many resources would be changed in this way."""
        return sum(1 for one in self.changes if one.change is change)


@dataclass(frozen=True, slots=True)
class ApplyProgress:
    """An apply under way: `done` of `total` resources; `current` are the addresses under way.

    `elapsed` tells for how many seconds each of these has been, as far as Terraform has said (every ten seconds).
    """

    done: int
    total: int
    current: tuple[str, ...] = ()
    elapsed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """How an apply ended.

    `finished` is false when Terraform was cut short (killed, machine lost): then the counts are what its log
    tells, and only a new plan tells the truth. `errors` are empty exactly when all went well. `applied` are the
    resources that are done; `under_way` those that were begun and came to no good end; `remaining` those that were
    never begun.
    """

    finished: bool
    added: int
    changed: int
    destroyed: int
    applied: tuple[str, ...] = ()
    errors: tuple[Diagnostic, ...] = ()
    in_state: tuple[str, ...] | None = None
    under_way: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether the whole plan was applied."""
        return self.finished and not self.errors


@dataclass(frozen=True, slots=True)
class Image:
    """A machine image; all but its id is None where EC2 does not tell. `created_at` is aware UTC.

    `name_tag` is its tag `Name`, which says for what machine it is; `size_gb` what its snapshots take at most.
    """

    image_id: str
    name: str | None = None
    created_at: datetime | None = None
    commit: str | None = None
    name_tag: str | None = None
    size_gb: int | None = None


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image with where it comes from: the commit, the run and the job that made it. Times are Unix seconds.

    `operation` is the one that followed its build.
    """

    image_id: str
    machine: str
    environment: str
    repository: str
    sha: str
    run_id: int
    run_number: int
    run_url: str
    attempt: int
    job_id: int
    job_url: str
    operation: int
    name: str
    size_gb: int | None
    created_at: float | None


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What speaks against the image of a job that ended well. `dismissed_by` (a user id) said why it is harmless.

    `id` is opaque; `operation` the one that followed the build. `sign` names the pattern that the log shows; without a `line` (0) it is about the image itself; `text` is the line, with some `before` and `after` it, all redacted; `step`
    the heading it was printed under.
    """

    id: str
    operation: int
    run_id: int
    job_id: int
    job_name: str
    job_url: str
    machine: str
    environment: str
    sign: str
    line: int
    text: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    step: str | None = None
    dismissed_by: str = ""
    reason: str = ""

    @property
    def stands(self) -> bool:
        """Whether nobody has said that it is harmless."""
        return not self.dismissed_by


@dataclass(frozen=True, slots=True)
class StartedFrom:
    """An instance that was started from an image; `type_tag` is its tag `type`, `state` EC2's word."""

    instance_id: str
    name: str
    type_tag: str
    state: str


@dataclass(frozen=True, slots=True)
class RollOut:
    """An apply that put an image on a machine. `at` is in Unix seconds, `person` who asked for it."""

    image_id: str
    operation: int
    environment: str
    machine: str
    person: str
    at: float


@dataclass(frozen=True, slots=True)
class ImageChange:
    """A machine that gets another image; `before` is None for a new machine.

    `doubts` say why the planned image should not be trusted, as far as its build showed it.
    """

    machine: str
    before: Image | None
    after: Image
    doubts: tuple[str, ...] = ()

    @property
    def goes_back(self) -> bool:
        """Whether the planned image is older than the one that runs: it brings back the code baked into it."""
        before = self.before.created_at if self.before else None
        return bool(before and self.after.created_at and self.after.created_at < before)


@dataclass(frozen=True, slots=True)
class Connection:
    """One line of `check`: what was tried, whether it works, and what to do if not."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogExcerpt:
    """A line of a log with those around it, without timestamps and colours. `line` counts from 1.

    `step` is the heading of the group it was printed under ("Run packer build ..."), None where there is none.
    """

    line: int
    text: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    step: str | None = None


@dataclass(frozen=True, slots=True)
class LogFinding:
    """A sign of failure in a log: `sign` says which; the same line again only adds to `times`.

    A log that could not be read to its end is itself a finding, with `line` 0 or the line where reading stopped.
    """

    sign: str
    line: int
    text: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    step: str | None = None
    times: int = 1


@dataclass(frozen=True, slots=True)
class LogReading:
    """What one pass over a job's log found. Its texts are foreign and not yet redacted: redact, then keep or cut.

    `lines` and `bytes` are what was read; `cut` when that was not all. `findings` are the first different ones,
    `found` counts all lines with a sign. `first_error` tells best why a job failed; `tail` are the last lines,
    those up to the last error that GitHub marked where there is one. `images` are pairs of region and AMI id that
    Packer announced; `rate_limited` the first line with one of the words that mean "try again", empty without.
    """

    lines: int = 0
    bytes: int = 0
    findings: tuple[LogFinding, ...] = ()
    found: int = 0
    cut: bool = False
    first_error: LogExcerpt | None = None
    tail: tuple[str, ...] = ()
    images: tuple[tuple[str, str], ...] = ()
    rate_limited: str = ""

    @property
    def suspect(self) -> bool:
        """Whether a job that ended well should not be trusted."""
        return bool(self.findings)
