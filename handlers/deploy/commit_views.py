"""The commits of a release, the checks of the newest, and the modal that overrides these."""

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
REASON_TITLE = "Deploy anyway"
COMMITS_LISTED = 5
CHECKS_LISTED = 8
LONGEST_REASON = 300


def counted(difference: Difference) -> str:
    """How many commits the release adds, and how many it takes back."""
    added = [phrases.counted(difference.ahead, "commit")] if difference.ahead else []
    back = [f"{phrases.counted(difference.behind, 'commit')} taken back"] if difference.behind else []
    return ", ".join([*added, *back]) or "nothing"


def commits(difference: Difference) -> list[Block]:
    """The newest commits that the release adds, and before them those that it takes back."""
    blocks = []
    ahead, behind = difference.ahead, difference.behind
    if behind:
        what = f"{phrases.counted(behind, 'commit')} back that {phrases.plural(behind, 'runs', 'run')} now"
        lines = commit_lines(difference.lost, behind, difference.url)
        blocks.append(kit.section(f":warning: *This takes {what}:*\n{lines}"))
    if ahead:
        what = phrases.counted(ahead, "new commit")
        blocks.append(kit.section(f"*{what}:*\n{commit_lines(difference.commits, ahead, difference.url)}"))
    return blocks


def commit_lines(commits: Sequence[Commit], total: int, url: str, most: int = COMMITS_LISTED) -> str:
    """At most so many commits, a line each; the number of the others, with a link to all of them."""
    lines = [f"• {common.commit_line(commit)}" for commit in commits[:most]]
    more = total - len(lines)
    return "\n".join([*lines, *([f"and {kit.link(f'{more} more', url)}"] if more > 0 else [])])


def in_thread(difference: Difference) -> Message | None:
    """All commits that GitHub reported, for the thread; None where the message itself has all of them."""
    if max(difference.ahead, difference.behind) <= COMMITS_LISTED:
        return None
    parts = []
    ahead, behind = difference.ahead, difference.behind
    if behind:
        lines = _all(difference.lost, behind, difference.url)
        parts.append(f"*Taken back:* {phrases.counted(behind, 'commit')}\n{lines}")
    if ahead:
        lines = _all(difference.commits, ahead, difference.url)
        parts.append(f"*To deploy:* {phrases.counted(ahead, 'commit')}\n{lines}")
    text = f"All commits: {counted(difference)}"
    return kit.message(text, kit.sections(line for part in parts for line in part.splitlines()))


def _all(commits: Sequence[Commit], total: int, url: str) -> str:
    return commit_lines(commits, total, url, most=len(commits))


def checks_line(checks: Checks) -> str:
    """The state of the checks that count, in a line; those that are not green by name."""
    kind = {Rule.REQUIRED: "required ", Rule.NAMED: "configured ", Rule.ANY: ""}[checks.rule]
    count = len(checks.checks)
    if not count:
        return ":white_circle: *Checks:* none at this commit, and its branch requires none"
    if checks.failed:
        going = f"; not ended yet: {_names(checks.unfinished)}" if checks.unfinished else ""
        return f":x: *Checks:* {len(checks.failed)} of {count} {kind}failed: {_names(checks.failed)}{going}"
    if checks.unfinished:
        none = "; the branch requires none of them" if checks.rule is Rule.ANY else ""
        counts = f"{len(checks.unfinished)} of {count} {kind}not ended yet"
        return f":arrows_counterclockwise: *Checks:* {counts}: {_names(checks.unfinished)}{none}"
    whole = f"all {count} {kind}are green" if count > 1 else f"the {kind}one is green: {_names(checks.checks)}"
    return f":white_check_mark: *Checks:* {whole}"


def _names(checks: Sequence[Check]) -> str:
    names = [
        kit.link(kit.cut(check.name, 60), check.url) + (" (not reported)" if check.state is State.WAITING else "")
        for check in checks[:CHECKS_LISTED]
    ]
    return phrases.listed_of(names, len(checks))


def override_notice(person: str, reason: str, checks: Checks) -> str:
    """The notice of a deploy whose checks were overridden: which, by whom, and the reason."""
    names = _names(checks.failed or checks.unfinished)
    return f":warning: *Asked for despite its checks* ({names}), by {kit.user(person)}: {kit.escape(reason)}"


def reason_modal(number: int, environment: str, short: str) -> Block:
    """Asks for the reason of a deploy whose checks are not green; everybody sees it."""
    explanation = (
        f"The checks of {kit.code(short)} are not green. It will be asked for and approved as any other deploy."
    )
    reason = modals.text(
        "reason",
        f"Why does it go to {environment} all the same?",
        shortest=5,
        longest=LONGEST_REASON,
        lines=True,
        hint="Displayed in the channel and kept in the audit log.",
    )
    return modals.modal(
        REASON,
        [kit.section(explanation), reason],
        metadata=str(number),
        title=REASON_TITLE,
        submit="Deploy",
        close="Not now",
    )
