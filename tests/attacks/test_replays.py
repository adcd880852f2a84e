"""The same signed bytes again: they do nothing, while two clicks of a person are two deliveries."""

from __future__ import annotations

import asyncio
import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

import pytest

from bot.errors import DatabaseAwayError, UserError
from bot.inbound.app import _on_home, _working
from bot.inbound.replays import Replays, key_of
from bot.operations.registry import HomeTab
from bot.store.database import Store
from bot.store.deliveries import CLEANED_EVERY, RETAINED, Deliveries, deliveries
from sandbox import waiting
from sandbox.slack import sign
from sandbox.stories import _daemons
from sandbox.world import SECRETS, Options, World
from tests.attacks.payload_shapes import CLICK, COMMAND, EVENT, TYPED
from tests.scenarios import moments
from tests.scenarios.acting import operations_in
from tests.unit.bot.conftest import postgres, store, url

if TYPE_CHECKING:
    from bot.services import Services
    from sandbox.slack import Message

__all__ = ["postgres", "store", "url"]  # fixtures

FORM = "application/x-www-form-urlencoded"


async def test_of_many_deliveries_at_once_one_is_used(store: Store) -> None:
    other = Store(store.url)
    both = [Deliveries(store, time.time), Deliveries(other, time.time)]
    used = await asyncio.gather(*(both[number % 2].use("same") for number in range(40)))
    other.close()
    assert used.count(True) == 1
    assert await both[0].is_used("same")
    assert not await both[0].is_used("another")


async def test_used_deliveries_are_kept_for_longer_than_a_signature_is_valid_and_then_deleted(store: Store) -> None:
    now = [1_000_000.0]
    used = Deliveries(store, lambda: now[0])
    for number in range(100):
        assert await used.use(f"{number}")
        now[0] += RETAINED / 50
    assert await used.is_used("99")
    count = await store.run(lambda connection: len(connection.execute(deliveries.select()).all()))
    assert count <= 51 + CLEANED_EVERY / (RETAINED / 50)


async def test_the_same_click_command_or_modal_counts_once(store: Store) -> None:
    replays, done = Replays(Deliveries(store, time.time)), []

    async def work(body: dict[str, Any]) -> str:
        await asyncio.sleep(0.01)
        done.append(key_of(body))
        return "done"

    for body in (COMMAND, TYPED["submission"]):
        answers = await asyncio.gather(*(replays.once(body, partial(work, body)) for _ in range(5)))
        assert sorted(map(str, answers)) == ["None"] * 4 + ["done"]
        assert await replays.once(body, partial(work, body)) is None
    assert [await replays.is_first(CLICK) for _ in range(3)] == [True, False, False]
    assert len(done) == len(set(done)) == 2


async def test_a_click_that_two_processes_get_counts_once(store: Store) -> None:
    processes, done = [Replays(Deliveries(store, time.time)) for _ in range(2)], []

    async def work() -> str:
        await asyncio.sleep(0.3)
        done.append("counted")
        return "done"

    answers = await asyncio.gather(*(each.click(CLICK, work, repeatable=True) for each in processes * 2))
    assert sorted(map(str, answers)) == ["None"] * 3 + ["done"]
    assert done == ["counted"]


@pytest.mark.parametrize("repeatable", [True, False])
async def test_a_click_whose_process_ended_before_it_was_handled_is_not_lost_silently(
    store: Store, monkeypatch: pytest.MonkeyPatch, repeatable: bool
) -> None:
    monkeypatch.setattr("bot.inbound.replays.HANDLED_WITHIN", 0.2)
    assert await Deliveries(store, time.time).use(key_of(CLICK)), "what the killed process had recorded"
    replays, done = Replays(Deliveries(store, time.time)), []

    async def work() -> str:
        done.append("counted")
        return "done"

    if repeatable:
        assert await replays.click(CLICK, work, repeatable=True) == "done"
        assert await replays.click(CLICK, work, repeatable=True) is None
    else:
        with pytest.raises(UserError, match="It may have counted"):
            await replays.click(CLICK, work, repeatable=False)
    assert done == ["counted"] * repeatable


async def test_what_fails_or_was_refused_is_used_too_and_another_trigger_is_new(store: Store) -> None:
    replays = Replays(Deliveries(store, time.time))

    async def fails() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await replays.once(COMMAND, fails)
    assert await replays.once(COMMAND, fails) is None
    assert await replays.is_first({**CLICK, "trigger_id": "1"})
    assert await replays.is_first({**CLICK, "trigger_id": "2"})


async def test_without_a_trigger_the_whole_delivery_is_the_key() -> None:
    closed = {name: value for name, value in TYPED["closed"].items() if name != "trigger_id"}
    assert key_of(closed) == key_of(dict(closed))
    assert key_of(closed) != key_of({**closed, "is_cleared": True})
    assert key_of(CLICK) != key_of({**TYPED["submission"], "trigger_id": CLICK["trigger_id"]})


async def test_the_same_opening_of_the_home_tab_publishes_once(store: Store) -> None:
    published: list[str] = []

    async def publish(_: Services, user: str) -> None:
        published.append(user)

    listener = _on_home(cast("Services", None), HomeTab(publish), Replays(Deliveries(store, time.time)))
    opened_again = {**EVENT, "event_id": "Ev2"}
    for body in (EVENT, EVENT, opened_again, EVENT, opened_again):
        await listener(body=body, event=body["event"])
        await asyncio.gather(*_working)
    assert published == ["U0ANA", "U0ANA"]


async def test_without_its_database_a_command_is_answered_and_a_click_refused() -> None:
    class Away:
        async def use(self, _: str) -> bool:
            raise DatabaseAwayError("the database is away")

        is_used = use

    replays = Replays(Away())  # type: ignore[arg-type]

    async def answer() -> str:
        return "help"

    assert await replays.once(COMMAND, answer) == "help"
    assert await replays.once(COMMAND, answer) == "help"
    with pytest.raises(DatabaseAwayError):
        await replays.is_first(CLICK)


@pytest.mark.slow("a real bot has to be started")
async def test_recorded_requests_do_nothing_when_they_are_sent_again() -> None:
    async with World(Options(without_aws=True, speed=60)) as world:
        person, trigger = world.person("ana"), world.slack.backend.triggers.give("U0ANA")
        fields = {**COMMAND, "text": "dev main", "channel_id": "C0DEV", "trigger_id": trigger}
        for _ in range(3):
            assert await sent(world, urlencode(fields).encode()) == 200
        message = await world.channel("#dev").wait_for(lambda posted: "#1" in posted.rendered)
        assert len(operations_in(world)) == 1
        view = await opened(world)
        submitted = {**TYPED["submission"], "view": view.json, "trigger_id": "9.9"}
        for _ in range(3):
            assert await sent(world, urlencode({"payload": json.dumps(submitted)}).encode()) == 200
        assert (await person.type("#dev", "/infra help")).ok
        assert message.rendered
        assert "came a second time" in world.bot.log.read_text()


@pytest.mark.slow("a real bot is started twice, and a real daemon takes its time to stop")
async def test_two_clicks_with_a_kill_in_between_and_their_bytes_again_restart_a_daemon_once() -> None:
    async with World(Options(speed=60, config=_daemons.CONFIG)) as world:
        backend, sent_bytes = _daemons.daemon_of(world), recorded(world)
        starts = backend.directory / "starts"
        script = backend.directory / "start"
        script.write_text(script.read_text().replace("setsid", "echo >> starts\nsetsid", 1))
        await (await asyncio.create_subprocess_shell(backend.start)).wait()
        assert (await world.person("max").type("#staging", "/infra daemons staging")).ok
        page = await world.person("max").wait_for_ephemeral(lambda posted: "each runs once" in posted.rendered)
        killed = moments.dies_at_slack(world, "chat.postMessage", "before", moments.says("Restart"))
        clicked = await restart_clicked(world, page, sent_bytes)
        await killed.wait()
        await world.bot.start()
        clicked += await restart_clicked(world, page, sent_bytes)
        assert len({body for body, _ in clicked}) == 2, "two deliveries"
        await world.channel("#staging").wait_for(lambda posted: "with a new process" in posted.rendered)
        assert starts.read_text() == 2 * "\n", "started for this test, and restarted once"
        for body, headers in 2 * clicked:
            assert (await world.slack.post_raw("/slack/events", body, headers))[0] == 200
        await waiting.until(lambda: world.bot.log.read_text().count("came a second time") == 4)
        assert (await world.person("max").type("#staging", "/infra help")).ok
        assert moments.rows(world, "SELECT kind FROM signalbox_operations") == [("restart",)]
        assert starts.read_text() == 2 * "\n"


def recorded(world: World) -> list[tuple[bytes, dict[str, str]]]:
    """What is sent to the bot from now on: the signed bytes with their headers."""
    sent_bytes: list[tuple[bytes, dict[str, str]]] = []
    post = world.slack._http.post_raw

    async def post_recorded(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        sent_bytes.append((body, headers))
        return await post(url, body, headers)

    world.slack._http.post_raw = post_recorded  # type: ignore[method-assign]
    return sent_bytes


async def restart_clicked(
    world: World, page: Message, sent_bytes: list[tuple[bytes, dict[str, str]]]
) -> list[tuple[bytes, dict[str, str]]]:
    """What a click on Restart sent."""
    before = len(sent_bytes)
    await world.person("max").click(page, "Restart")
    return sent_bytes[before : before + 1]


async def opened(world: World) -> Any:
    """The modal of /deploy without arguments."""
    await world.person("ana").type("#dev", "/deploy")
    return await world.person("ana").wait_for_view()


async def sent(world: World, body: bytes) -> int:
    at = str(int(time.time()))
    signature = sign(body, at, SECRETS["SLACK_SIGNING_SECRET"])
    headers = {"Content-Type": FORM, "X-Slack-Request-Timestamp": at, "X-Slack-Signature": signature}
    return (await world.slack.post_raw("/slack/events", body, headers))[0]
