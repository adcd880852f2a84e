"""Entries of the audit log in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.store.audit import ACTOR_NAME, REQUEST
from bot.store.refused_attempts import COUNT
from handlers.shared.requests import HCL, RECIPIENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.store.audit import Entry, StoredEntry

DIGEST = re.compile(r"\b[0-9a-f]{40,64}\b")
# Not displayed: what a link leads to, what the state says, digests of the chain's own, names of people, who are mentioned, and
# arguments that nobody typed.
OMITTED = ("url", "ts", "status", "binding", "approval", ACTOR_NAME, REQUEST, HCL, RECIPIENTS)
REPEATED = (COUNT, "first", "last")  # of an entry that sums up refused attempts
# The text before a detail's value, where it is not the detail's name.
PREFIXES = {
    "outcome": "",
    "why": "",
    "text": "",
    "changes": "",
    "done": "",
    "how": "",
    "by": "by ",
    "what": "",
    "workflow": "",
    "ref": "",
}


# Actions after the name of who did them, where they are no verb of their own.
DONE: Mapping[str, str] = {
    "ask to go first": "asked to go first with",
    "cancel": "cancelled",
    "withdraw": "cancelled",
    "let pass": "let something go first before",
    "superseded": "replaced",
    "approval revoked": "revoked their approval of",
    "click refused": "was refused a click",
    "refused": "was refused",
    "refused to start": "refused to start",
    "not begun": "did not begin",
    "chose images": "chose the images of",
    "run chosen": "chose the run of",
    "dismissed a sign of failure": "dismissed a failure pattern",
    "took the clean-up back": "undid the clean-up",
    "host key accepted": "accepted a host key",
    "emergency": "declared an emergency",
    "emergency seen": "reviewed an emergency",
    "lock": "locked",
    "unlock": "unlocked",
    "freeze": "froze",
    "unfreeze": "unfroze",
    "commented": "commented on",
    "drain worker": "drained a worker",
    "end operation": "ended",
    "terminate builder": "requested to terminate a builder",
}


CLOSING = ("lock", "unlock", "freeze", "unfreeze")


def done(entry: Entry) -> str:
    """What was done, and where, as it continues the name of who did it; the operation that it is about follows."""
    words = DONE.get(entry.action, entry.action)
    if entry.action in CLOSING:
        return f"{words} {entry.environment or 'everything'}"
    return f"{words} in {entry.environment}" if entry.environment and entry.operation is None else words


def row(stored: StoredEntry) -> tuple[float, str, str, str]:
    """Its time, its actor, what was done where, and the details."""
    entry = stored.entry
    where = f"in {entry.environment}" if entry.environment else ""
    number = f"#{entry.operation}" if entry.operation else ""
    what = " ".join(part for part in (number, entry.action, where) if part)
    return stored.at, entry.actor, what, describe(entry.detail)[:200]


def describe(detail: Mapping[str, object]) -> str:
    """An entry's details in brackets, without URLs, which the export has; digests are short."""
    parts = [_repeated(detail)] if COUNT in detail else []
    for name, value in detail.items():
        if not value or name in OMITTED or (COUNT in detail and name in REPEATED):
            continue
        value_text = DIGEST.sub(lambda digest: digest[0][:12], str(value))
        parts.append(f"{PREFIXES.get(name, f'{name} ')}{value_text}")
    return f"({', '.join(parts)})" if parts else ""


def _repeated(detail: Mapping[str, object]) -> str:
    """How often and when: "599 more times from 12:00:01 to 12:00:03 UTC"."""
    count, first, last = detail[COUNT], str(detail.get("first")), str(detail.get("last"))
    span = f"at {first[11:19]}" if first == last else f"from {first[11:19]} to {last[11:19]}"
    return f"{'once more' if count == 1 else f'{count} more times'} {span} UTC"
