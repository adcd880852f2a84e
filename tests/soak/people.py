"""What people do in a round: they ask for operations of all kinds, and press what the messages offer, often two at once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.soak.model_of_requests import PLANS, Typed

if TYPE_CHECKING:
    from random import Random

    from sandbox.slack import Message, Person
    from tests.soak.bench import Bench
    from tests.soak.model_of_requests import Answer


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody types, in which channel, and the kind and environment (its beginning) of the operation that follows."""

    text: str
    channel: str
    kind: str
    environment: str
    weight: int


BUILDER, IMAGES, PROMOTE = "a builder is left running", "/infra amis", "/deploy dev, to be promoted"
COMMANDS = (
    Command("/plan staging", "#staging", "plan", "staging", 4),
    Command("/plan dev core", "#dev", "plan", "dev/core", 1),
    Command("/plan dev dns", "#dev", "plan", "dev/dns", 1),
    Command("/plan dev all", "#dev", PLANS, "dev", 2),
    Command("/deploy dev", "#dev", "deploy", "dev", 2),
    Command(PROMOTE, "#dev", "deploy", "dev", 2),
    Command("/deploy staging web", "#staging", "deploy", "staging/web", 2),
    Command("/deploy staging jobs", "#staging", "deploy", "staging/jobs", 1),
    Command("/run restart-service machine=cron service=queue-daemon", "#staging", "run", "staging", 2),
    Command("/build all", "#ops", "build", "image builds", 1),
    Command(IMAGES, "#ops", "clean up", "old images", 2),
    Command(BUILDER, "#ops", "builder", "stuck builders", 2),
)
REQUESTERS = ("ana", "lee", "max")
DECIDES_EVERY = 0.4  # seconds
AGAIN_AFTER = 3.0  # seconds until somebody presses the button of a message again
TRIES = 6  # of a command that Slack reports as failed
ANSWERED_WITHIN = 20.0  # seconds for which somebody waits for a page
REJECTS = 0.12  # of all questions
DOUBLE = 0.3  # of all clicks: two people click at the same moment, and the balancer gives each another process
CLEAN_UP = "Clean up…"
# What people press beside Approve and Reject, by the beginning of a button's text: the usual choice, and the other one.
CHOICES = {
    "Approve": ("approve", "reject"),
    "Open pull request": ("Open pull request", "Deploy without promoting"),
    "Merge and deploy": ("Merge and deploy", "Deploy without promoting"),
    "Terminate": ("Terminate", ""),
    "Remove what is left": ("Remove what is left", "Remove what is left"),
}
SNOOZE = "Snooze 1 h"
SNOOZES = 0.3  # of all alerts; it is terminated by a click later
LEAVES = 0.4  # of all alerts: nobody does anything, so Signalbox terminates the builder


async def act(bench: Bench, name: str, command: Command) -> None:
    """Do what the command stands for."""
    person = bench.world.person(name)
    if command.text == BUILDER:
        await bench.aws.add_builder()
        return
    if command.text == IMAGES:
        await bench.aws.add_old_images()
        await _clean_up(bench, person, command)
        return
    if command.kind in {"plan", PLANS}:
        bench.counters.next_generation(command.environment)
    if command.text == PROMOTE:
        bench.counters.next_promotion()
    for _ in range(TRIES):
        answer = await _typed(bench, person, command)
        if answer != "unknown":
            return
        await asyncio.sleep(AGAIN_AFTER)


async def _typed(bench: Bench, person: Person, command: Command) -> Answer:
    reply = await person.type(command.channel, command.text.partition(",")[0])
    answer: Answer = "unknown" if reply.error or not reply.ok else "refused" if reply.ephemerals else "accepted"
    bench.typed.append(Typed(person.id, command.kind, command.environment, answer))
    return answer


async def _clean_up(bench: Bench, person: Person, command: Command) -> None:
    """Ask for the page of images, and press its button; a process that dies may take the page with it."""
    before = {each.ts for each in person.ephemerals}
    for _ in range(TRIES):
        if (await person.type(command.channel, command.text)).ok:
            break
        await asyncio.sleep(AGAIN_AFTER)
    with suppress(AssertionError, LookupError):  # no page came, or its button is gone
        page = await person.wait_for_ephemeral(
            lambda message: message.ts not in before and CLEAN_UP in message.buttons, ANSWERED_WITHIN
        )
        bench.typed.append(Typed(person.id, command.kind, command.environment, "unknown"))
        await person.click(page, CLEAN_UP)


class Deciders:
    """People who press a button on whatever asks for it. Each message gets one verdict."""

    def __init__(self, bench: Bench, rng: Random) -> None:
        self._bench = bench
        self._rng = rng
        self._verdicts: dict[str, float] = {}  # by message: from 0 to 1
        self._pressed: dict[tuple[str, str], float] = {}  # by message and button: when

    async def decide(self) -> None:
        """Go on until cancelled."""
        while True:
            await asyncio.sleep(DECIDES_EVERY)
            for message in self._bench.messages():
                if button := self._button(message):
                    await self._press(message, button)

    async def _press(self, message: Message, button: str) -> None:
        self._pressed[message.ts, button] = asyncio.get_running_loop().time()
        people = self._rng.choices(REQUESTERS, k=2 if self._rng.random() < DOUBLE else 1)
        self._bench.pressed.add((message.ts, button))
        with suppress(LookupError):  # somebody was faster
            snapshot = message.snapshot()
            await asyncio.gather(*(_click(self._bench.world.person(name), snapshot, button) for name in people))

    def _button(self, message: Message) -> str:
        for start, choices in CHOICES.items():
            if any(text.startswith(start) for text in message.buttons):
                verdict = self._verdicts.setdefault(message.ts, self._rng.random())
                button = _of_alert(message, verdict) if start == "Terminate" else choices[verdict < REJECTS]
                pressed = self._pressed.get((message.ts, button))
                waits = pressed is not None and asyncio.get_running_loop().time() < pressed + AGAIN_AFTER
                return "" if waits else button
        return ""


async def _click(person: Person, message: Message, button: str) -> None:
    """Press the button; Reject opens a modal, which is sent off, unless it says that this was decided."""
    await person.click(message, button)
    if button == "reject":
        with suppress(AssertionError):  # nobody may reject it any more, or the process died
            await person.submit(await person.wait_for_view(ANSWERED_WITHIN))


def _of_alert(message: Message, verdict: float) -> str:
    if verdict < LEAVES:
        return ""
    return SNOOZE if verdict < LEAVES + SNOOZES and "snoozed" not in message.rendered else "Terminate"
