"""Words of a command that say when it counts: `/deploy prod! because ...` in an emergency, `/deploy prod later` in the next window."""

from __future__ import annotations

import re

from bot.errors import UserError

BECAUSE, LATER = " because ", "later"
LONGEST_REASON = 150
_BECAUSE = re.compile(rf'["“”„][^"“”„]*["“”„]|{BECAUSE}')  # outside of quotes
_MARKED = re.compile(r"[A-Za-z0-9_/-]+!")  # the name of an environment or of its part


def take(text: str, usage: str) -> tuple[str, str]:
    """The other words, and the reason of an emergency, "" without. Raises UserError for an emergency without a reason."""
    split = next((each.span() for each in _BECAUSE.finditer(text) if each[0] == BECAUSE), (len(text), len(text)))
    before, reason = text[: split[0]], text[split[1] :]
    words = before.split(" ")
    if not any(_MARKED.fullmatch(word) for word in words[:2]):
        return text, ""
    return " ".join(word[:-1] if _MARKED.fullmatch(word) else word for word in words), checked(reason, usage)


def checked(reason: str, usage: str) -> str:
    """The reason on one line. Raises UserError for none, and for one that is too long."""
    reason = " ".join(reason.split())
    if not reason:
        raise UserError(
            f"An emergency needs a reason: add one at the end, as in “because the site is down”. Usage: {usage}"
        )
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        raise UserError(f"Say the reason in at most {LONGEST_REASON} printable characters; these are {len(reason)}.")
    return reason


def check_now(reason: str) -> None:
    """Raises UserError where what is to start later is an emergency for this reason."""
    if reason:
        raise UserError(f"An emergency starts now: leave out “{LATER}”, or the ! for an ordinary start in the window.")


def typed(command: str, reason: str) -> str:
    """The text of a command ("/deploy prod main") as an emergency for this reason."""
    name, environment, *rest = command.split(" ")
    return " ".join([name, f"{environment}!", *rest]) + f"{BECAUSE}{reason}"
