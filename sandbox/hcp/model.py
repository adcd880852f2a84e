"""The model of HCP Terraform's stand-in: tokens, workspaces, configuration versions, runs."""

from __future__ import annotations

import asyncio
import secrets
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

ENDED = ("planned_and_finished", "applied", "discarded", "errored", "canceled", "force_canceled")
# Each of these only as the last status before a confirmation.
PAUSED = ("planned", "post_plan_completed", "cost_estimated", "policy_checked")
_ALPHABET = string.ascii_letters + string.digits


def new_id(kind: str) -> str:
    """An id in HCP Terraform's form: run-CZcmD7eagjhyX0vN."""
    return f"{kind}-{''.join(secrets.choice(_ALPHABET) for _ in range(16))}"


def now() -> str:
    """The present time in the API's form."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class HcpToken:
    """The owner of a token: a user, a team or an organization. `admin`: whether it may read plans as JSON."""

    kind: Literal["user", "team", "organization"]
    name: str
    admin: bool = True


@dataclass(frozen=True, slots=True)
class Policies:
    """The results of a workspace's policies in each run."""

    passed: int = 1
    advisory_failed: int = 0
    soft_failed: int = 0
    hard_failed: int = 0


@dataclass(frozen=True, slots=True)
class Costs:
    """The cost estimate of each run of a workspace, in USD a month, as texts."""

    proposed: str
    delta: str


@dataclass(frozen=True, slots=True)
class Task:
    """A run task of a workspace, and its result in each run after the plan."""

    name: str
    status: Literal["passed", "failed", "errored", "unreachable"] = "passed"
    message: str = ""
    url: str | None = None
    level: Literal["advisory", "mandatory"] = "advisory"


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The result of a run task in a run."""

    task: Task
    at: str = field(default_factory=now)
    id: str = field(default_factory=lambda: new_id("taskrs"))


@dataclass(frozen=True, slots=True)
class Fetched:
    """Code that was fetched from a repository: its commit, and files by path."""

    sha: str
    message: str
    files: Mapping[str, bytes] = field(repr=False)


@dataclass
class Configuration:
    """A configuration version: its code is an uploaded `archive`, or was `fetched` from a repository."""

    auto_queue_runs: bool
    source: str = "tfe-api"
    status: str = "pending"
    error: str | None = None
    archive: bytes = field(default=b"", repr=False)
    fetched: Fetched | None = None
    id: str = field(default_factory=lambda: new_id("cv"))


@dataclass
class Stage:
    """A plan or an apply, whose log grows while it runs."""

    id: str
    status: str = "pending"
    log: Path | None = None
    ended: bool = False
    additions: int | None = None
    changes: int | None = None
    destructions: int | None = None
    json_plan: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Event:
    """An action of a person on a run."""

    action: str
    actor: str
    at: str = field(default_factory=now)
    id: str = field(default_factory=lambda: new_id("re"))


@dataclass
class Run:
    """A run. `proceed` is set when it is confirmed; `comments` are (author, text)."""

    workspace: Workspace
    message: str
    configuration: Configuration
    created_by: str
    variables: tuple[tuple[str, str], ...] = ()
    auto_apply: bool = False
    plan_only: bool = False
    targets: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    status: str = "pending"
    has_changes: bool = False
    waits: bool = False  # for a confirmation
    comments: list[tuple[str, str]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    timestamps: dict[str, str] = field(default_factory=dict)
    created_at: str = field(default_factory=now)
    confirmed_by: str | None = None
    proceed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    task: asyncio.Task[None] | None = field(default=None, repr=False)
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)
    cost_estimate: str | None = None
    policy_check: str | None = None
    task_stage: str | None = None  # post_plan, the only one here
    task_results: list[TaskResult] = field(default_factory=list)
    id: str = field(default_factory=lambda: new_id("run"))
    plan: Stage = field(default_factory=lambda: Stage(new_id("plan")))
    apply: Stage = field(default_factory=lambda: Stage(new_id("apply")))

    @property
    def ended(self) -> bool:
        """Whether the run can no longer change."""
        return self.status in ENDED

    @property
    def confirmable(self) -> bool:
        """Whether it waits for a confirmation."""
        return self.waits and self.status in PAUSED

    @property
    def discardable(self) -> bool:
        """Whether it waits in the queue, for a confirmation, or for an override of a policy."""
        return self.confirmable or self.status in ("pending", "policy_override")

    @property
    def cancelable(self) -> bool:
        """Whether it is planning or applying."""
        return self.status in ("fetching", "plan_queued", "planning", "apply_queued", "applying")


@dataclass
class Variable:
    """A variable of a workspace; the value of a sensitive one is never returned."""

    key: str
    value: str = field(repr=False)
    sensitive: bool = True
    category: str = "env"
    description: str = ""
    hcl: bool = False
    id: str = field(default_factory=lambda: new_id("var"))


@dataclass
class Workspace:
    """A workspace and its runs, oldest first. `fetch` returns the code of `branch` of a linked repository."""

    organization: str
    name: str
    working_directory: str
    state: Path
    auto_apply: bool = False
    structured: bool = True  # "structured run output": JSON lines in logs
    locked_by: str | None = None
    locked_reason: str = ""
    repository: str | None = None
    branch: str = ""
    fetch: Callable[[], Fetched] | None = None
    policies: Policies | None = None
    costs: Costs | None = None
    tasks: tuple[Task, ...] = ()
    variables: list[Variable] = field(default_factory=list)
    configurations: list[Configuration] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    id: str = field(default_factory=lambda: new_id("ws"))

    @property
    def current(self) -> Run | None:
        """The run that the others wait for: the oldest that has not ended, except for those that only plan."""
        return next((run for run in self.runs if not run.ended and not run.plan_only), None)

    def lock(self, who: str, reason: str = "") -> None:
        """Let runs wait until `unlock`, unless they are planning or applying."""
        self.locked_by, self.locked_reason = who, reason

    def unlock(self) -> None:
        """Let the runs continue."""
        self.locked_by, self.locked_reason = None, ""
        self.changed.set()

    def link(self, repository: str, branch: str, fetch: Callable[[], Fetched]) -> None:
        """Fetch the code of later runs from a repository."""
        self.repository, self.branch, self.fetch = repository, branch, fetch
