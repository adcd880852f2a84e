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
    Cost,
    FoundBuilders,
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
from runners.results.image_survey import (
    ImageGroup,
    ImageStanding,
    ImageSurvey,
    KeepRule,
    OrphanedImageResources,
    OrphanedSnapshot,
    Standing,
)
from runners.results.images import (
    BuiltImage,
    Candidate,
    Image,
    ImageChange,
    Removal,
    Removed,
    RollOut,
    Snapshot,
    StartedFrom,
    Suspicion,
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
    "AttachedVolume",
    "AttributeChange",
    "Builder",
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
    "FoundBuilders",
    "Host",
    "HostResult",
    "Image",
    "ImageChange",
    "ImageGroup",
    "ImageStanding",
    "ImageSurvey",
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
    "Removed",
    "ResourceChange",
    "RollOut",
    "Rule",
    "SecurityGroup",
    "Snapshot",
    "Standing",
    "StartedFrom",
    "State",
    "Step",
    "Suspicion",
    "TaskChange",
    "Termination",
    "Unreadable",
    "Verdict",
    "What",
    "WorkflowRun",
]
