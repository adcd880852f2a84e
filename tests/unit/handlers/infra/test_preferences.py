"""The Home tab shows how a person is notified, and changes it for them alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.errors import Denied
from bot.operations.registry import Click
from bot.slack.blocks.preferences import ENDED, FROM, OFF, ON, QUIET, TO, TURN
from bot.store.preferences import Preference
from handlers.infra import overview, preferences
from sandbox.slack.block_kit import check_view
from tests.unit.handlers.conftest import filled, sent_off

if TYPE_CHECKING:
    from tests.unit.handlers.conftest import Desk


def press(action: str, value: str, user: str = "U0ANA") -> Click:
    """A press on a button of the Home tab, which is no message."""
    return Click(user, "", "", action, value, "1.2", "")


async def test_the_home_tab_says_how_the_person_is_notified(desk: Desk) -> None:
    await overview.publish_home(desk.services, "U0ANA")
    home = desk.chat.homes["U0ANA"]
    check_view(home, "home")
    assert "*When I may approve:* a mention in the channel" in str(home)
    assert "*Quiet hours:* none" in str(home)


@pytest.mark.parametrize(
    ("action", "on"),
    [(TURN, Preference(turn=True)), (ENDED, Preference(ended=True))],
)
async def test_a_button_changes_it_and_the_tab_shows_that(desk: Desk, action: str, on: Preference) -> None:
    button = next(each for each in preferences.BUTTONS if each.action_id == action)
    for value, wanted in ((ON, on), (ON, on), (OFF, Preference())):
        await button.handle(desk.services, press(action, value))
        assert await desk.services.preferences.of(["U0ANA", "U0LEE"]) == {"U0ANA": wanted, "U0LEE": Preference()}
    assert await desk.audit_log() == [("U0ANA", preferences.CHANGED)] * 3


async def test_quiet_hours_are_asked_for_in_a_window(desk: Desk) -> None:
    await preferences.ask_quiet_hours(desk.services, press(QUIET, "quiet"))
    await filled()
    assert desk.chat.views[-1]["submit"]["text"] == "Save"
    await preferences.submitted(desk.services, sent_off(**{FROM: "22", TO: "7"}))
    assert (await desk.services.preferences.of(["U0ANA"]))["U0ANA"].quiet == (22, 7)
    assert "no direct messages from 22:00 to 07:00" in str(desk.chat.homes["U0ANA"])


async def test_who_may_not_use_it_chooses_nothing(desk: Desk) -> None:
    with pytest.raises(Denied):
        await preferences.choose_turn(desk.services, press(TURN, ON, "U0GUS"))
    assert await desk.audit_log() == [("U0GUS", "click refused")]
    await overview.publish_home(desk.services, "U0GUS")
    assert "My notifications" not in str(desk.chat.homes["U0GUS"])
