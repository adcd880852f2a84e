"""The page of /infra builders: all builders with their age, state and run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit, tables
from handlers.builders import orphaned_resource_views
from handlers.builders.alert_views import CONSOLE
from runners import phrases
from runners.results import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.kit import Block, Message
    from bot.slack.blocks.tables import Cell
    from runners.results import BuilderList, Joined

VERDICTS = {
    Verdict.BUSY: "🔨 works",
    Verdict.ENDING: "⏳ cleans up",
    Verdict.ENDED: "⚠️ stuck",
    Verdict.TOO_OLD: "⚠️ stuck",
    Verdict.UNKNOWN: "❔ not clear yet",
}


def page(joined_builders: Sequence[Joined], builders: BuilderList, problem: str, now: float) -> Message:
    """All builders, and Packer's orphaned resources; `problem` says why GitHub's runs could not be read, `now` is in Unix seconds."""
    stuck = sum(1 for joined in joined_builders if joined.stuck)
    head = (
        f"{phrases.counted(len(joined_builders), 'builder')}, {stuck} stuck"
        if joined_builders
        else "No builder is running"
    )
    rows: list[Sequence[Cell]] = [_row(joined, now) for joined in joined_builders]
    columns = ["Builder", "Age", "State", "Why", "Run", "Type", "Region"]
    blocks: list[Block] = [kit.header(head), *([tables.table(columns, rows, right=(1,))] if rows else [])]
    problems = common.unreadable_parts(builders.unreadable, most=len(builders.unreadable))
    if problem:
        text = f":warning: GitHub's runs could not be read, so nobody knows whose job still runs: {kit.escape(problem)}"
        problems.append(kit.section(text))
    return kit.message(head, [*blocks, *orphaned_resource_views.page_blocks(builders), *problems])


def _row(joined: Joined, now: float) -> Sequence[Cell]:
    builder = joined.builder
    url = CONSOLE.format(region=builder.region, instance=builder.instance_id)
    age = builder.age(datetime.fromtimestamp(now, UTC)).total_seconds()
    run: Cell = tables.Link(f"run {joined.run.number}", joined.run.url) if joined.run else ""
    state = "🔒 kept" if builder.protected else VERDICTS[joined.verdict]
    return [
        tables.Link(builder.instance_id, url),
        phrases.age(age),
        state,
        joined.reason,
        run,
        builder.type,
        builder.region,
    ]
