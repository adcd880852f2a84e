"""What the seals of rows and of the engine's values add to a click on Approve, up to the effect that it permits."""

from __future__ import annotations

import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, TypeVar

from bot.seals import KEY_BYTES, Keyring, canonical
from bot.store.operations import Status
from tests.attacks.forgery_world import start
from tests.bench.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot.seals import Field
    from tests.attacks.forgery_world import Bot

T = TypeVar("T")
TARGET = 0.001  # seconds
PERSON = "U0LEE"


@dataclass(frozen=True)
class _Share:
    """How many seals there were, the processor seconds that they took, and those of the whole process."""

    seals: int
    seconds: float
    whole: float

    def since(self, before: _Share) -> _Share:
        """What came after the other one."""
        return _Share(self.seals - before.seals, self.seconds - before.seconds, self.whole - before.whole)


class _TimedKeyring(Keyring):
    """Sums up the processor time that sealing and verifying take, and counts them."""

    def __init__(self) -> None:
        super().__init__([secrets.token_bytes(KEY_BYTES)])
        self.seconds, self.seals = 0.0, 0

    def share(self) -> _Share:
        """The sums until now."""
        return _Share(self.seals, self.seconds, time.process_time())

    def seal(self, purpose: str, fields: Mapping[str, Field]) -> str:
        return self._timed(lambda: Keyring.seal(self, purpose, fields))

    def verify(self, purpose: str, fields: Mapping[str, Field], seal: str) -> bool:
        return self._timed(lambda: Keyring.verify_text(self, purpose, canonical(fields), seal))

    def verify_text(self, purpose: str, text: str, seal: str) -> bool:
        return self._timed(lambda: Keyring.verify_text(self, purpose, text, seal))

    def _timed(self, work: Callable[[], T]) -> T:
        began = time.thread_time()
        result = work()
        self.seconds += time.thread_time() - began
        self.seals += 1
        return result


async def measure(*, quick: bool) -> list[Figure]:
    """Approve operations one after the other, each until it has had its effect; SQLite, in this process."""
    clicks = 2 if quick else 40
    with tempfile.TemporaryDirectory(prefix="bench-seals-") as name:
        keyring = _TimedKeyring()
        bot = await start(f"sqlite:///{name}/signalbox.sqlite", keyring, Path(name))
        try:
            measured = [await _click(bot, keyring) for _ in range(clicks)]
        finally:
            bot.stop()
    answered, done = zip(*measured, strict=True)
    return [
        _figure("seals add to a click", answered, TARGET * 1000),
        _figure("seals add to a click and the effect that it permits", done, None),
    ]


async def _click(bot: Bot, keyring: _TimedKeyring) -> tuple[_Share, _Share]:
    """The share of seals until the click is answered, and until the operation that it permits has ended."""
    record = await bot.request()
    before = keyring.share()
    if refused := await bot.click(record, PERSON):
        raise RuntimeError(refused)
    answered = keyring.share()
    await bot.until(record, Status.SUCCEEDED)
    return answered.since(before), keyring.share().since(before)


def _figure(what: str, shares: Sequence[_Share], limit: float | None) -> Figure:
    added, whole = median(each.seconds for each in shares), median(each.whole for each in shares)
    detail = f"median of {len(shares)}: {median(each.seals for each in shares):.0f} seals, {added / whole:.1%} of {whole * 1000:.0f} ms"
    return Figure(what, added * 1000, " ms", limit, detail=detail)
