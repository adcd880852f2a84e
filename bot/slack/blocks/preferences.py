"""What a person chooses about their notifications: part of the Home tab, and the modal of the quiet hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import kit, modals

if TYPE_CHECKING:
    from bot.slack.blocks.kit import Block

TURN, ENDED, QUIET = "prefer-turn", "prefer-ended", "prefer-quiet"
QUIET_HOURS, QUIET_TITLE = "quiet-hours", "Quiet hours"
FROM, TO = "from", "to"
ON, OFF = "on", "off"
CHOICES = {
    TURN: ("When I may approve", "a direct message, and no mention in the channel", "a mention in the channel"),
    ENDED: ("When what I requested ends", "a direct message, and no mention", "a mention in its thread"),
}


def home_blocks(*, turn: bool, ended: bool, quiet: tuple[int, int]) -> list[Block]:
    """How the person is notified now, each with a button that changes it."""
    blocks = [kit.header("My notifications")]
    for action, chosen in ((TURN, turn), (ENDED, ended)):
        title, direct, mention = CHOICES[action]
        label, value = ("Mention me instead", OFF) if chosen else ("Send direct messages", ON)
        text = kit.section(f"*{title}:* {direct if chosen else mention}")
        blocks.append(text | {"accessory": kit.button(label, action, value)})
    hours = f"no direct messages from {hour(quiet[0])} to {hour(quiet[1])} in your time zone of Slack"
    text = kit.section(f"*Quiet hours:* {hours if quiet[0] != quiet[1] else 'none'}")
    blocks.append(text | {"accessory": kit.button("Change quiet hours…", QUIET, "quiet")})
    note = (
        "What is worse than a failure, and a question that nobody else would hear of now, always mentions people. "
        "Slack's own settings decide how a mention reaches you."
    )
    return [*blocks, kit.context(note)]


def quiet_modal(quiet: tuple[int, int]) -> Block:
    """Asks from when to when nobody is to be disturbed."""
    hours = [(str(each), hour(each)) for each in range(24)]
    begin, end = map(str, quiet)
    return modals.modal(
        QUIET_HOURS,
        [
            kit.section(
                "Direct messages wait until the quiet hours are over. For no quiet hours, choose the same hour twice."
            ),
            modals.one_of(FROM, "From", hours, chosen=begin),
            modals.one_of(TO, "To", hours, chosen=end),
        ],
        metadata="",
        title=QUIET_TITLE,
        submit="Save",
        close="Cancel",
    )


def hour(number: int) -> str:
    """An hour of the day."""
    return f"{number:02}:00"
