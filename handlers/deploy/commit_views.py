"""The commits that go out with a deploy, the checks of the newest, and the word that it takes despite these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit, modals
from runners import phrases
from runners.results import Rule, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.kit import Block, Message
    from runners.results import Check, Checks, Commit, Difference

ANYWAY, AGAIN = "deploy-anyway", "deploy-again"
REASON = "deploy-anyway-reason"
COMMITS_SHOWN = 5
CHECKS_SHOWN = 8
LONGEST_REASON = 300
_MARKS = {
    State.SUCCEEDED: ":white_check_mark:",
    State.FAILED: ":x:",
    State.RUNNING: ":arrows_counterclockwise:",
    State.WAITING: ":hourglass_flowing_sand:",
}


def counted(found: Difference) -> str:
    """How many commits go out, and how many are taken back."""
    back = f"{phrases.counted(found.behind, 'commit')} taken back" if found.behind else ""
    return ", ".join(filter(None, [phrases.counted(found.ahead, "commit") if found.ahead else "", back])) or "nothing"


def commits(found: Difference) -> list[Block]:
    """The newest commits that go out, and before them those that are taken back."""
    shown = []
    if found.behind:
        what = f"This takes {phrases.counted(found.behind, 'commit')} back that {phrases.plural(found.behind, 'runs', 'run')} now"
        shown.append(kit.section(f":warning: *{what}:*\n{commit_lines(found.lost, found.behind, found.url)}"))
    if found.ahead:
        lines = commit_lines(found.commits, found.ahead, found.url)
        shown.append(
            kit.section(
                f"*{phrases.counted(found.ahead, 'commit')} {phrases.plural(found.ahead, 'goes', 'go')} out:*\n{lines}"
            )
        )
    return shown


def commit_lines(commits: Sequence[Commit], total: int, url: str, shown: int = COMMITS_SHOWN) -> str:
    """The newest commits, a line each; how many more there are, with a link to all of them."""
    lines = [f"• {common.commit_line(commit)}" for commit in commits[:shown]]
    more = total - len(lines)
    return "\n".join([*lines, *([f"and {kit.link(f'{more} more', url)}"] if more > 0 else [])])


def in_thread(found: Difference) -> Message | None:
    """All the commits that are known, for the thread; None where the message itself shows them all."""
    if max(found.ahead, found.behind) <= COMMITS_SHOWN:
        return None
    parts = []
    if found.behind:
        parts.append(
            f"*Taken back:* {phrases.counted(found.behind, 'commit')}\n{_all(found.lost, found.behind, found.url)}"
        )
    if found.ahead:
        parts.append(
            f"*Goes out:* {phrases.counted(found.ahead, 'commit')}\n{_all(found.commits, found.ahead, found.url)}"
        )
    text = f"All commits: {counted(found)}"
    return kit.message(text, kit.sections(line for part in parts for line in part.splitlines()))


def _all(commits: Sequence[Commit], total: int, url: str) -> str:
    return commit_lines(commits, total, url, shown=len(commits))


def checks_line(checks: Checks) -> str:
    """How the checks that count stand, in a line; those that are not well by name."""
    kind = {Rule.REQUIRED: "required ", Rule.NAMED: "configured ", Rule.ANY: ""}[checks.rule]
    count = len(checks.checks)
    if not count:
        return ":white_circle: *Checks:* none at this commit, and its branch requires none"
    if checks.failed:
        going = f"; not ended yet: {_names(checks.unfinished)}" if checks.unfinished else ""
        return f":x: *Checks:* {len(checks.failed)} of {count} {kind}failed: {_names(checks.failed)}{going}"
    if checks.unfinished:
        none = "; the branch requires none of them" if checks.rule is Rule.ANY else ""
        left = len(checks.unfinished)
        return f"{_MARKS[State.RUNNING]} *Checks:* {left} of {count} {kind}not ended yet: {_names(checks.unfinished)}{none}"
    whole = f"all {count} {kind}are green" if count > 1 else f"the {kind}one is green: {_names(checks.checks)}"
    return f":white_check_mark: *Checks:* {whole}"


def _names(checks: Sequence[Check]) -> str:
    names = [
        kit.link(kit.cut(check.name, 60), check.url) + (" (not reported)" if check.state is State.WAITING else "")
        for check in checks[:CHECKS_SHOWN]
    ]
    return phrases.listed_of(names, len(checks))


def passed_over(person: str, reason: str, checks: Checks) -> str:
    """That somebody wants it deployed although its checks are not green, and why."""
    wrong = _names(checks.failed or checks.unfinished)
    return f":warning: *Asked for despite its checks* ({wrong}), by {kit.user(person)}: {kit.escape(reason)}"


def reason_modal(number: int, environment: str, short: str) -> Block:
    """Asks whoever wants a commit deployed despite its checks for the reason, which everybody will see."""
    told = f"The checks of {kit.code(short)} are not green. It will be asked for and approved as any other deploy."
    reason = modals.text(
        "reason",
        f"Why does it go to {environment} all the same?",
        shortest=5,
        longest=LONGEST_REASON,
        lines=True,
        hint="Shown in the channel and kept in the trail.",
    )
    return modals.modal(
        REASON,
        [kit.section(told), reason],
        kept=str(number),
        title="Deploy anyway",
        submit="Deploy",
        close="Not now",
    )
