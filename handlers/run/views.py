"""What /run shows: the list, the window, and the one message of an operation."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.slack.blocks import common, jobs as job_blocks, kit, modals
from handlers.shared import input_views, log_judgement_views, run_views
from handlers.shared.log_judgement import NO_FINDINGS, JudgedLogs
from runners import phrases
from runners.results import Host, State
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bot.config.models.custom import CustomOperation
    from bot.slack.blocks.common import ApprovalView, Head
    from bot.slack.blocks.kit import Block, Message
    from handlers.run.settings import Wanted
    from handlers.shared.run_follow import FollowedRun
    from runners.github.runs.workflow_file import Input
    from runners.results import Commit, PendingReview, WorkflowRun

OPEN = "run-open"  # the button beside each operation of the list
CALLBACK, CHOICE, TITLE = "run", "run-choice", "Run"
OPERATION = "operation"  # the field of the window that asks which one to run
SUSPECT_RUN = (
    "Check what this line is about. If it failed, mend it and run it again; if it is harmless, there is nothing to do."
)
MOST_LISTED = 40  # Slack takes fifty blocks in a message


@stored("custom-run")
@dataclass(frozen=True, slots=True)
class Run:
    """What a custom operation runs: a workflow at a commit, `inputs` with those that a person gave (`given`).

    `usual_ref` is the configured ref, `mark_input` the input for the operation's mark; `notices` are sentences of mrkdwn.
    `link` is the address of the message that it is about.
    Where `workflow` is "" it runs `playbooks` instead: each the file for one of `machines`, with `tags` and `skip_tags`, on the `hosts` that approvers see.
    """

    name: str
    workflow: str
    description: str
    commit: Commit
    usual_ref: str
    mark_input: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    playbooks: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    hosts: tuple[Host, ...] = ()
    link: str = ""

    @property
    def files(self) -> str:
        """The workflow, or the playbooks, each once (plain text)."""
        return self.workflow or ", ".join(dict.fromkeys(self.playbooks))


def listing(custom: Mapping[str, CustomOperation]) -> Message:
    """The operations that there are, each with a button."""
    if not custom:
        text = "There are no operations to run: signalbox.yaml has none under `operations`."
        return kit.message(text, [kit.section(text)])
    displayed = list(custom.items())[:MOST_LISTED]
    blocks = [
        kit.section(_described(name, settings)) | {"accessory": kit.button(f"Run {kit.cut(name, 40)}…", OPEN, name)}
        for name, settings in displayed
    ]
    more = (
        [kit.context(f"and {len(custom) - len(displayed)} more: type /run and the name")]
        if len(custom) > len(displayed)
        else []
    )
    return kit.message("Operations to run", [*blocks, *more])


def _described(name: str, settings: CustomOperation) -> str:
    takes = f" · takes {', '.join(map(kit.escape, settings.inputs))}" if settings.inputs else ""
    about = f"\n{kit.escape(settings.description)}" if settings.description else ""
    return f"*{kit.escape(name)}* for {kit.escape(settings.environment)}{takes}{about}"


def choice(custom: Mapping[str, CustomOperation], link: str) -> Block:
    """Asks which operation to run; the address of the message that it is about comes back with the submission."""
    options = [(name, f"{name} ({settings.environment})") for name, settings in custom.items()]
    more = len(options) - modals.OPTIONS
    hint = f"{more} more are not listed: type /run and the name." if more > 0 else ""
    blocks = [modals.one_of(OPERATION, "Operation", options, hint=hint), *_about_link(link)]
    metadata = json.dumps(link)
    return modals.modal(CHOICE, blocks, metadata=metadata, title=TITLE, submit="Continue", close="Cancel")


def _about_link(link: str) -> list[Block]:
    return [kit.context(f"About {kit.link('this message', link)}")] if link else []


def window(wanted: Wanted, settings: CustomOperation, declared: Sequence[Input]) -> Block:
    """Asks for the inputs of a run, of which some may be given; its name, ref, machine types and link come back with the submission."""
    at, machines = f" at {kit.code(wanted.ref)}" if wanted.ref else "", ",".join(wanted.machines)
    head = f"{_described(wanted.name, settings)}{f' on {kit.escape(machines)}' if machines else ''}{at}"
    about = (wanted.name, wanted.ref, machines, wanted.link)
    return input_views.window(CALLBACK, head, about, declared, title=TITLE, submit="Run", given=wanted.given)


def working(head: Head, activity: str) -> Message:
    """An operation before its run is known."""
    return common.short_message(head, "running", activity)


def awaiting_approval(head: Head, run: Run, approval: ApprovalView) -> Message:
    """What is to run, with Approve and Reject."""
    question = f"Signalbox runs *{kit.escape(run.name)}* ({kit.escape(kit.cut(run.files, 100))}) in *{kit.escape(head.environment)}*."
    news = "waiting for approval"
    blocks = [common.first_line(head, "approval", news), *_about(run)]
    buttons = common.decision_buttons(approval, approve=f"Approve and run {kit.cut(run.name, 40)}", question=question)
    foot = [buttons, common.approval_lines(approval), common.requester_block(head)]
    return kit.message(common.plain(head, news), blocks, foot=foot)


def message(
    head: Head,
    status: str,
    news: str,
    run: Run,
    approval: ApprovalView | None,
    *,
    details: Iterable[Block] = (),
    buttons: Iterable[Block] = (),
) -> Message:
    """An operation that has been decided about: `news` and `details` say its state."""
    decided = [common.approval_lines(approval)] if approval else []
    blocks = [common.first_line(head, status, news), *_about(run), *details]
    through = f"GitHub Actions {kit.escape(kit.cut(run.workflow, 100))}" if run.workflow else "Ansible"
    foot = [*buttons, *decided, common.requester_block(head, f"through {through}")]
    return kit.message(common.plain(head, news), blocks, foot=foot)


def not_approved(head: Head, run: Run, approval: ApprovalView) -> Message:
    """An operation that was rejected, or whose approval expired."""
    news = "rejected, nothing was started" if approval.outcome == "rejected" else "expired, nothing was started"
    return message(head, approval.outcome, news, run, approval)


def progress(
    head: Head,
    run: Run,
    approval: ApprovalView | None,
    started: WorkflowRun,
    *,
    now: float,
    pending: Sequence[PendingReview],
) -> Message:
    """A run in progress; `now` in Unix seconds."""
    ended = sum(1 for job in started.jobs if job.state.ended)
    news = f"running, {ended} of {phrases.counted(len(started.jobs), 'job')} done"
    reported_at = started.stale_since.timestamp() if started.stale_since else now
    reviews = [*job_blocks.stale(started), *job_blocks.reviews(started, pending)]
    details = [*reviews, run_views.run_line(started), *job_blocks.table(started.jobs, (), reported_at)]
    cancel = common.cancel_button(head, "GitHub cancels the run; what its jobs have done stays.", halfway=True)
    return message(head, "running", news, run, approval, details=details, buttons=[cancel])


def ended(
    head: Head,
    run: Run,
    approval: ApprovalView | None,
    started: WorkflowRun,
    *,
    notices: Sequence[str] = (),
    judged: JudgedLogs = NO_FINDINGS,
    followed: FollowedRun | None = None,
) -> Message:
    """A run that has ended, with notices (mrkdwn); `judged` is what its logs showed, `followed` whether it was cancelled."""
    details = [*map(kit.section, notices), run_views.run_line(started), *job_blocks.table(started.jobs, ())]
    if followed and followed.stopped:
        news = run_views.stopped(started, followed.cancelled_by, followed.limit)
        return message(head, "cancelled" if followed.cancelled_by else "failed", news, run, approval, details=details)
    if started.state is not State.SUCCEEDED:
        return message(head, "failed", run_views.failure(started), run, approval, details=details)
    news = f"done{run_views.took(started)}{log_judgement_views.news(judged)}"
    findings = log_judgement_views.blocks(judged, head.number, SUSPECT_RUN)
    status = "attention" if judged.suspects else "succeeded"
    return message(head, status, news, run, approval, details=[*findings, *details])


def other_commit(head: Head, run: Run, approval: ApprovalView | None, started: WorkflowRun) -> Message:
    """A run of another commit than the approved one."""
    warning = (
        f":warning: GitHub ran commit {kit.code(started.head_sha[:7])}, not the approved {kit.code(run.commit.short)}: "
        f"{kit.code(run.commit.ref)} moved in the same moment. Check what the run did before you go on."
    )
    details = [kit.section(warning), run_views.run_line(started), *job_blocks.table(started.jobs, ())]
    return message(head, "failed", "the run was of another commit", run, approval, details=details)


def _about(run: Run) -> list[Block]:
    about = f"{kit.escape(kit.cut(run.description, 200))}\n" if run.description else ""
    what, on = (
        ("Workflow", "") if run.workflow else ("Playbook", f" on {kit.escape(kit.cut(', '.join(run.machines), 300))}")
    )
    lines = f"{about}*{what}:* {kit.code(run.files)}{on} at {common.commit_line(run.commit)}{_tags(run)}"
    extra = [line for line in (input_views.line(run.given), *run.notices) if line]
    return [kit.section(lines), *map(kit.section, extra), *_about_link(run.link)]


def _tags(run: Run) -> str:
    listed = [("only tasks tagged", run.tags), ("without tasks tagged", run.skip_tags)]
    parts = [f"{words} {kit.escape(kit.cut(', '.join(tags), 200))}" for words, tags in listed if tags]
    return f"\n{', '.join(parts)}" if parts else ""
