"""What the samples of the gallery are about: one team, one afternoon, in lengths as they really are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.config import Config, read
from bot.slack.blocks import common, kit
from bot.slack.blocks.common import ApprovalView, Failure, FailureContext, Head, LinkedOperation
from bot.slack.blocks.kit import Message
from handlers.deploy import views as deploy_views
from handlers.deploy.views import Release
from handlers.plan.apply_views import Ending
from handlers.plan.views import BranchMove, PlanView
from handlers.shared.ansible.views import Frame
from runners.results import (
    ApplyProgress,
    ApplyResult,
    AttributeChange,
    Change,
    Commit,
    Diagnostic,
    Difference,
    Image,
    ImageChange,
    Job,
    PlanSummary,
    ResourceChange,
    State,
    WorkflowRun,
)
from sandbox import fleet

CONFIG = """
slack: {channel: "#ops"}
github: {repository: acme/infrastructure}
aws: {region: us-west-2}
access: {operators: ["usergroup:S0INFRA", U0ANA], approvers: [U0ANA]}
operations: {isolation: none}
environments:
  staging:
    machines: [backend, cron]
    channel: "#staging"
    deploy: {github_actions: {workflow: deploy-staging.yml}}
"""
NOW = 1_795_000_000.0
TODAY = datetime.fromtimestamp(NOW, UTC)
REPOSITORY = "https://github.com/acme/infrastructure"
CHANNEL = "https://acme.slack.com/archives/C0STAGING"


def commit(number: int, subject: str, author: str = "Ana Lim") -> Commit:
    """A commit whose SHA begins with its number."""
    sha = f"{number:02x}c3d4e5f6" * 4
    return Commit("acme/infrastructure", sha, "main", subject, author, f"{REPOSITORY}/commit/{sha}", "refs/heads/main")


HEAD = Head(47, "Plan for staging", "staging", "U0ANA")
COMMITS = [
    commit(0xA1, "Raise the queue's memory"),
    commit(0xB2, "Read the session secret from the vault", "Max Weber"),
    commit(0xC3, "Keep ten days of logs"),
]
OTHER = LinkedOperation(Head(48, "Plan for staging", "staging", "U0LEE"), f"{CHANNEL}/p1795000000000100")
OPEN = ApprovalView("ID", 1, "pending", (), NOW + 7_200, f"anyone of {kit.group('S0LEADS')}")
GIVEN = replace(OPEN, outcome="approved", votes=(("U0LEE", "approved", NOW - 60),))
AGAINST = replace(OPEN, outcome="rejected", votes=(("U0LEE", "rejected", NOW - 60),))


def image(machine: str, generation: int) -> Image:
    """An image of staging as the sandbox has it."""
    made = fleet.Image("staging", machine, generation)
    at = made.made_at(NOW)
    return Image(
        made.image_id, f"{made.hostname}-{int(at)}", datetime.fromtimestamp(at, UTC), "a1c3d4e5f6" * 4, made.hostname, 8
    )


def resource(machine: str, change: Change, *attributes: AttributeChange, **more: Any) -> ResourceChange:
    """A resource of a machine's module."""
    address = f'module.machine["{machine}"].aws_instance.this'
    return ResourceChange(address, "aws_instance", change, attributes, **more)


def _replaced(machine: str) -> ResourceChange:
    new, old = (fleet.Image("staging", machine, generation).image_id for generation in (4, 3))
    more = tuple(AttributeChange(name, f"{name}-0abc", "(known after apply)") for name in ("id", "private_ip", "arn"))
    ami = AttributeChange("ami", old, new, forces_replacement=True)
    return resource(
        machine, Change.REPLACE, ami, *more, image=(old, new), reason="an attribute cannot be changed in place"
    )


# Four changes: what the budget of an asking message is measured with.
SUMMARY = PlanSummary(
    digest="5e1fc0de" * 8,
    program="Terraform 1.15.5",
    changes=(
        resource("sftp", Change.DELETE, reason="it is no longer in the configuration"),
        _replaced("backend"),
        _replaced("cron"),
        resource(
            "taskrunner",
            Change.UPDATE,
            AttributeChange("instance_type", "t3.small", "t3.medium"),
            AttributeChange("tags.Owner", None, "platform"),
        ),
    ),
    resources=14,
)
IMAGES = (
    ImageChange("backend", image("backend", 3), image("backend", 4)),
    ImageChange("cron", image("cron", 3), image("cron", 4)),
)
PLAN = PlanView(HEAD, COMMITS[0], SUMMARY, IMAGES, "us-west-2", NOW)
DEPLOY = Head(51, "Deploy main to staging", "staging", "U0ANA")
DIFFERENCE = Difference(3, 0, tuple(COMMITS), (), f"{REPOSITORY}/compare/9f8e7d6...a1c3d4e")
RELEASE = Release(
    COMMITS[0],
    f"{kit.link('9f8e7d6', REPOSITORY)} Keep ten days of logs (Ana Lim), deployed {kit.moment(NOW - 86_400)}",
    "GitHub Actions",
    DIFFERENCE,
)


def job(number: int, name: str, state: State) -> Job:
    """A job of a run that began four minutes ago."""
    ended = TODAY if state.ended else None
    failing = "Run packer build" if state is State.FAILED else None
    url = f"{REPOSITORY}/actions/runs/1/job/{number}"
    return Job(number, name, state, url, TODAY - timedelta(minutes=4), ended, failing)


def run(state: State, *jobs: Job) -> WorkflowRun:
    """A run of the workflow with these jobs."""
    made = TODAY - timedelta(minutes=4)
    url = f"{REPOSITORY}/actions/runs/1"
    sha, ended = COMMITS[0].sha, TODAY if state.ended else None
    return WorkflowRun(
        "acme/infrastructure", 1, 12, 1, "Deploy staging", sha, state, url, made, jobs, ended, "signalbox"
    )


JOBS = [
    job(1, "deploy (backend)", State.SUCCEEDED),
    job(2, "deploy (cron)", State.FAILED),
    job(3, "deploy (taskrunner)", State.RUNNING),
]
RUNNING, FAILED = run(State.RUNNING, *JOBS), run(State.FAILED, *JOBS[:2])
SUCCEEDED = run(State.SUCCEEDED, job(1, "deploy (backend)", State.SUCCEEDED), job(2, "deploy (cron)", State.SUCCEEDED))
APPLIED = ApplyResult(True, 2, 1, 3, tuple(each.address for each in SUMMARY.changes), replaced=2)
ERROR = Diagnostic(
    "error", "creating EC2 Instance: InsufficientInstanceCapacity", "There is no room in us-west-2a.", "main.tf", 12
)
STOPPED = replace(APPLIED, added=1, destroyed=2, replaced=1, applied=APPLIED.applied[:2], errors=(ERROR,))


def _frame(status: str, news: str, details: Any, buttons: Any) -> Message:
    return deploy_views.deploy_message(DEPLOY, status, news, RELEASE, None, details=details, buttons=buttons)


FRAME = Frame(
    head=DEPLOY,
    commit=COMMITS[0],
    approval=None,
    draw=_frame,
    doing="deploying a1c3d4e",
    activity="is deploying",
    done="deployed a1c3d4e to",
    no_host="no host to deploy to",
    got="got a1c3d4e",
    untouched="not deployed",
    command="/deploy staging",
)

# By type: one value, or a list of which a sequence has all and anything else the first.
VALUES: dict[Any, Any] = {
    Head: DEPLOY,
    Commit: COMMITS,
    ApprovalView: OPEN,
    LinkedOperation: OTHER,
    PlanSummary: SUMMARY,
    PlanView: PLAN,
    ImageChange: list(IMAGES),
    Image: IMAGES[0].after,
    Release: RELEASE,
    Job: JOBS,
    WorkflowRun: RUNNING,
    BranchMove: BranchMove("main", "f" * 40, tuple(COMMITS[1:])),
    ApplyResult: APPLIED,
    Failure: Failure(
        "planning", "the provider's plugin could not be downloaded", "Try again in a minute.", "Error: 503"
    ),
    FailureContext: FailureContext("nothing was deployed", COMMITS[0]),
    Message: common.short_message(DEPLOY, "failed", "the job `cron` failed", "The last lines of its log."),
    Decimal: Decimal("1.37"),
    Frame: FRAME,
    Config: read(CONFIG),
}
# Texts and numbers by the name of what they are for.
WORDS: dict[str, Any] = {
    "status": "succeeded",
    "news": "deployed a1c3d4e to 4 hosts",
    "activity": "checking the commit",
    "doing": "planning",
    "headline": "the state is unlocked",
    "problem": "the state is locked by max@laptop since 14:02",
    "remedy": "Wait until it is done.\nterraform force-unlock 8e3f1a",
    "environment": "staging",
    "user": "U0LEE",
    "person": "U0LEE",
    "requester": "U0ANA",
    "channel": "#staging",
    "url": f"{CHANNEL}/p1795000000000100",
    "target": "prod",
    "source": "main",
    "machine": "backend",
    "name": "backend",
    "daemon": "process-daemon",
    "sha": COMMITS[0].sha,
    "image_id": IMAGES[0].after.image_id,
    "instance_id": "i-0a1b2c3d4e5f60718",
    "resource": "i-0a1b2c3d4e5f60718",
    "region": "us-west-2",
    "repository": "acme/infrastructure",
}
# The variants of every view "not_approved".
DECIDED = {outcome: {"approval": replace(AGAINST, outcome=outcome)} for outcome in ("rejected", "expired")}
# By view: its variants, and in each the arguments that the types alone do not choose well.
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "handlers.plan.views.ask": {
        "four changes": {},
        "typed confirmation": {"protected": (SUMMARY.changes[0].address,), "typed_confirmation": "staging"},
        "branch moved": {"move": VALUES[BranchMove]},
    },
    "handlers.plan.views.decided": {
        **DECIDED,
        "superseded": {"approval": replace(OPEN, outcome="superseded"), "newer": OTHER},
    },
    "handlers.plan.apply_views.applied": {
        "succeeded": {"approval": GIVEN},
        "failed": {"approval": GIVEN, "result": STOPPED},
        "cancelled": {"approval": GIVEN, "result": STOPPED, "ending": Ending(cancelled_by=kit.user("U0LEE"))},
        "interrupted": {"approval": GIVEN, "result": replace(STOPPED, finished=False, errors=())},
    },
    "handlers.plan.apply_views.applying": {
        "started": {"approval": GIVEN, "progress": None},
        "half": {"approval": GIVEN, "progress": ApplyProgress(2, 4, (SUMMARY.changes[1].address,), (40,))},
    },
    "handlers.plan.views.up_to_date": {
        "": {
            "plan": replace(PLAN, summary=replace(SUMMARY, changes=())),
            "running": tuple((change.machine, change.after) for change in IMAGES),
        }
    },
    "handlers.deploy.commit_views.in_thread": {
        "": {"difference": replace(DIFFERENCE, ahead=12, commits=tuple(COMMITS * 4))}
    },
    "handlers.deploy.views.deploy_message": {
        "succeeded": {"status": "succeeded", "news": "deployed a1c3d4e", "approval": GIVEN},
        "failed": {"status": "failed", "news": "the deploy failed on cron-staging", "approval": GIVEN},
    },
    "handlers.deploy.github_actions.views.run_ended": {
        "succeeded": {"run": SUCCEEDED, "approval": GIVEN},
        "failed": {"run": FAILED, "approval": GIVEN},
    },
}
