"""What runners hand back: frozen values, safe to store and to show (nothing sensitive is ever in them).

Many are kept as the results of an operation's steps, by the names of their module, class and fields. What waits while the
bot is updated is read by the new version: a field that is added needs a default, and a class that moves an entry in
`bot/engine/serializer.py`.
"""

from __future__ import annotations

from runners.results.aws import Outcome, Step, Unreadable
from runners.results.builders import (
    LIVE,
    TEMPORARY_NAME,
    AttachedVolume,
    Builder,
    BuilderList,
    Cost,
    Joined,
    JoinedBy,
    KeyPair,
    Match,
    OrphanedResources,
    OrphanedSecurityGroup,
    OrphanedVolume,
    SecurityGroup,
    Termination,
    Verdict,
)
from runners.results.changes import Check, Checks, Difference, MergeAnswer, PullRequest, PullState, Rule
from runners.results.connections import Connection
from runners.results.daemons import DaemonObservation
from runners.results.hosts import ChangedKey, FailedTask, Host, HostResult, Inventory, PlaybookResult, TaskChange
from runners.results.image_retention import (
    AssessedImage,
    ImageGroup,
    ImageList,
    KeepRule,
    OrphanedImageResources,
    OrphanedSnapshot,
    Retention,
)
from runners.results.images import (
    BuiltImage,
    Candidate,
    Image,
    ImageChange,
    ImageWarning,
    Removal,
    RemovalResult,
    RollOut,
    Snapshot,
    StartedFrom,
    What,
)
from runners.results.logs import LogExcerpt, LogFinding, LogReading
from runners.results.plans import (
    ApplyProgress,
    ApplyResult,
    AttributeChange,
    Change,
    Diagnostic,
    PlanSummary,
    ResourceChange,
)
from runners.results.runs import Commit, Job, State, WorkflowRun

__all__ = [
    "LIVE",
    "TEMPORARY_NAME",
    "ApplyProgress",
    "ApplyResult",
    "AssessedImage",
    "AttachedVolume",
    "AttributeChange",
    "Builder",
    "BuilderList",
    "BuiltImage",
    "Candidate",
    "Change",
    "ChangedKey",
    "Check",
    "Checks",
    "Commit",
    "Connection",
    "Cost",
    "DaemonObservation",
    "Diagnostic",
    "Difference",
    "FailedTask",
    "Host",
    "HostResult",
    "Image",
    "ImageChange",
    "ImageGroup",
    "ImageList",
    "ImageWarning",
    "Inventory",
    "Job",
    "Joined",
    "JoinedBy",
    "KeepRule",
    "KeyPair",
    "LogExcerpt",
    "LogFinding",
    "LogReading",
    "Match",
    "MergeAnswer",
    "OrphanedImageResources",
    "OrphanedResources",
    "OrphanedSecurityGroup",
    "OrphanedSnapshot",
    "OrphanedVolume",
    "Outcome",
    "PlanSummary",
    "PlaybookResult",
    "PullRequest",
    "PullState",
    "Removal",
    "RemovalResult",
    "ResourceChange",
    "Retention",
    "RollOut",
    "Rule",
    "SecurityGroup",
    "Snapshot",
    "StartedFrom",
    "State",
    "Step",
    "TaskChange",
    "Termination",
    "Unreadable",
    "Verdict",
    "What",
    "WorkflowRun",
]
