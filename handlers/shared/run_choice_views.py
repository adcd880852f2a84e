"""The message that asks which run is an operation's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit
from bot.slack.blocks.jobs import STATE_LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.common import Head
    from bot.slack.blocks.kit import Block, Message
    from runners.results import WorkflowRun

CHOOSE_RUN = "choose-run"
NO_RUN = "none"
MOST_RUNS = 10
_CONSEQUENCE = "Signalbox follows this run, and records its outcome as this operation's."


def which_run(head: Head, runs: Sequence[WorkflowRun], unshown_mark: str, expires: float) -> Message:
    """The runs with a button each. `unshown_mark` is the input whose value the workflow's runs do not show; or empty."""
    news = "started, but its run looks like others. Which run is it?"
    why = (
        f"GitHub did not name the run that it started for #{head.number}, and other runs are possible. "
        "Signalbox does not guess. It starts nothing again and records nothing until somebody chooses a run. "
        "Open the runs to compare them."
    )
    if unshown_mark:
        shows = kit.code(f"run-name: ${{{{ inputs.{unshown_mark} }}}}")
        why += f" The workflow's runs do not show {kit.code(unshown_mark)}; {shows} in it settles this for good."
    ask = kit.confirm("None of these?", "The operation ends as failed, and nothing is started again.", "Yes, none")
    none = kit.button("None of these", CHOOSE_RUN, f"{head.number}:{NO_RUN}", ask=ask)
    blocks = [
        common.first_line(head, "approval", news),
        kit.section(why),
        *(_run(head, run) for run in runs[:MOST_RUNS]),
    ]
    until = kit.context(f"expires {kit.moment(expires)}")
    return kit.message(
        common.plain(head, news),
        blocks,
        foot=[kit.actions(common.NEXT_BLOCK, none), until, common.requester_block(head)],
    )


def chosen(head: Head, run: str, user: str) -> Message:
    """Who chose which run: its id, or NO_RUN."""
    what = f"none of the runs as #{head.number}'s" if run == NO_RUN else f"the run {kit.code(run)} for #{head.number}"
    text = f"{kit.user(user)} chose {what}."
    return kit.message(text, [kit.section(text)])


def _run(head: Head, run: WorkflowRun) -> Block:
    started = kit.moment(run.created_at.timestamp())
    line = (
        f"{kit.link(f'{run.workflow}, run {run.number}', run.url)}: {STATE_LABELS[run.state]}, started {started} "
        f"at {kit.code(run.head_sha[:7])} of {kit.code(run.branch)}"
    )
    ask = kit.confirm(f"Is run {run.number} the run of #{head.number}?", _CONSEQUENCE, "Yes, it is")
    button = kit.button(f"Use run {run.number}", CHOOSE_RUN, f"{head.number}:{run.run_id}", ask=ask)
    return {**kit.section(line), "accessory": button}
