"""What people read of a ref that is not allowed: which it is, whose, how it differs, and what its code would get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit
from runners import phrases

if TYPE_CHECKING:
    from bot.slack.blocks.common import ApprovalView, Head
    from bot.slack.blocks.kit import Block, Message
    from runners.results import RefDifference, RefStanding

DECIDING_LISTED = 10
NOT_RUN = "none of its code ran"
_PREFIXES = {"refs/heads/": "branch", "refs/tags/": "tag"}


def ask(head: Head, standing: RefStanding, approval: ApprovalView, purpose: str) -> Message:
    """The ref with Approve and Reject, before anything of it runs."""
    environment, short = kit.escape(head.environment), kit.escape(standing.commit.short)
    headline = f"{environment} does not allow this ref. Waiting for approval, before anything of it runs"
    question = f"The code of {short} will run for *{environment}*, with its credentials."
    return kit.message(
        common.plain(head, headline),
        [common.first_line(head, "approval", headline), *map(kit.section, notices(head.environment, standing))],
        foot=[
            common.decision_buttons(approval, approve=f"Run this code: {purpose}", question=question),
            common.approval_lines(approval),
            kit.context("The requester's own approval does not count", common.requester_text(head)),
        ],
    )


def notices(environment: str, standing: RefStanding) -> tuple[str, ...]:
    """What an approver has to know, as sentences of mrkdwn."""
    where, guarded = kit.escape(environment), kit.code(standing.guarded)
    code = f":warning: *Its code runs with the credentials of {where}:* whoever wrote it can use all that these credentials allow."
    lines = [f"*Ref:* {_named(standing)}: {common.commit_line(standing.commit)}", _whose(standing)]
    if standing.difference:
        lines.append(f"*Compared with {guarded}:* {_compared(standing.difference)}")
    lines += [f"*Unknown:* {kit.escape(fact)}" for fact in standing.unknown]
    lines.append(f"*Not allowed:* {kit.escape(standing.why)}")
    return (code, "\n".join(filter(None, lines)), *_deciding(standing))


def refused(head: Head, standing: RefStanding) -> Message:
    """A ref that nobody can approve."""
    headline = f"refused, {NOT_RUN}. {kit.escape(common.sentence(standing.refused))}"
    remedy = f"Name {kit.code(standing.guarded)}, a commit that it contains, or a ref that the configuration allows."
    return common.short_message(head, "rejected", headline, _line(standing), remedy)


def approved(standing: RefStanding, approval: ApprovalView) -> Message:
    """In the thread: who let this code run."""
    text = f"{_named(standing)} at {kit.code(standing.commit.short)} was approved to run"
    return kit.message(f"The {text}.", [kit.section(f"The {text}.")], foot=[common.approval_lines(approval)])


def not_approved(head: Head, standing: RefStanding, approval: ApprovalView) -> Message:
    """A ref whose approval was rejected, expired or superseded."""
    headline = {
        "rejected": f"rejected, {NOT_RUN}",
        "expired": f"expired, {NOT_RUN}",
        "superseded": f"superseded by a newer operation, {NOT_RUN}",
    }[approval.outcome]
    return _ended(head, approval.outcome, headline, standing, approval)


def not_run(head: Head, standing: RefStanding, approval: ApprovalView, problem: str) -> Message:
    """A ref that was approved, and does not run all the same."""
    headline = f"not run: {kit.escape(problem)}. Run the command again for the newer commit"
    return _ended(head, "failed", headline, standing, approval)


def _ended(head: Head, status: str, headline: str, standing: RefStanding, approval: ApprovalView) -> Message:
    blocks: list[Block] = [common.first_line(head, status, headline), kit.section(_line(standing))]
    foot = [common.approval_lines(approval), common.requester_block(head)]
    return kit.message(common.plain(head, headline), blocks, foot=foot)


def other_ref(standing: RefStanding) -> str:
    """The notice (mrkdwn) of a later approval: the plan is of a ref that takes an approval of its own."""
    guarded = kit.code(standing.guarded)
    return f":warning: *This plan is not of {guarded}*, but of {_named(standing)} at {kit.code(standing.commit.short)}."


def _line(standing: RefStanding) -> str:
    return f"*Ref:* {_named(standing)}: {common.commit_line(standing.commit)}"


def _named(standing: RefStanding) -> str:
    """The ref with its kind; letters that look like others are spelled out."""
    name = standing.commit.ref
    kinds = [kind for prefix, kind in _PREFIXES.items() if standing.commit.full_name.startswith(prefix)]
    foreign = dict.fromkeys(letter for letter in name if not letter.isascii())
    spelled = (
        f", with {', '.join(f'U+{ord(letter):04X}' for letter in list(foreign)[:5])} in its name" if foreign else ""
    )
    return f"{kinds[0] if kinds else 'commit'} {kit.code(name)}{spelled}"


def _whose(standing: RefStanding) -> str:
    pull, parts = standing.pull, []
    if standing.pusher:
        parts.append(f"last pushed by {kit.escape(standing.pusher)}")
    if pull:
        link = kit.link(f"#{pull.number}", pull.url)
        parts.append(
            f"pull request {link} by {kit.escape(pull.author or 'an unknown account')} into {kit.code(pull.base)}"
        )
    return f"*Whose:* {'; '.join(parts)}" if parts else ""


def _compared(difference: RefDifference) -> str:
    ahead, behind = difference.ahead, difference.behind
    counts = [
        f"{phrases.counted(ahead, 'commit')} ahead",
        *([f"{phrases.counted(behind, 'commit')} behind"] if behind else []),
        f"{phrases.counted(difference.files, 'file')}{' or more' if difference.cut else ''} changed",
    ]
    return f"{', '.join(counts)} ({kit.link('compare', difference.url)})"


def _deciding(standing: RefStanding) -> list[str]:
    difference = standing.difference
    if difference is None:
        return []
    more = "GitHub does not list all changed files. " if difference.cut else ""
    if not difference.deciding:
        return [f"{more}*No listed file decides what runs:* all of them are documents or pictures."]
    named = phrases.listed([kit.code(path) for path in difference.deciding], DECIDING_LISTED)
    return [f"{more}*It changes files that can decide what runs:* {named}"]
