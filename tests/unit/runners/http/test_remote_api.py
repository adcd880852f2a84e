"""The HTTP core: which error a refusal is, how reads are repeated, what a call on a thread raises."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from runners.errors import AccessDeniedError, RunnerError, UnavailableError, UncertainError
from runners.http import Refusal, RemoteApi, repeat_read

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RESET = str(int(NOW.timestamp()) + 90)
API = RemoteApi(
    name="Acme",
    status_page="status.example.com",
    check_first="Check Acme first.",
    redirect_remedy="Check ACME_ADDRESS.",
    rate_limit="Acme's rate limit is used up",
    errors={403: lambda refusal, doing: AccessDeniedError(doing, refusal.reason)},
    message_of=str,
    rate_limit_statuses=frozenset({403, 429}),
)


@pytest.mark.parametrize(
    ("status", "changes", "kind"),
    [
        (302, False, RunnerError),
        (400, True, RunnerError),
        (403, True, AccessDeniedError),
        (429, True, UnavailableError),  # refused, so nothing happened
        (500, False, UnavailableError),
        (503, True, UncertainError),
    ],
)
def test_a_status_gives_the_kind_of_the_error(status: int, changes: bool, kind: type[RunnerError]) -> None:
    error = API.error_for(Refusal(status, ""), "asking", changes=changes)
    assert type(error) is kind
    assert error.doing == "asking"
    assert error.problem


@pytest.mark.parametrize(
    ("refusal", "seconds"),
    [
        (Refusal(429, ""), 60),
        (Refusal(429, "", {"retry-after": "30"}), 30),
        (Refusal(429, "", {"x-ratelimit-remaining": "0", "x-ratelimit-reset": RESET}), 90),
        (Refusal(429, "", {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}), 60),  # HCP Terraform: in a second
        (Refusal(403, "", {"retry-after": "30"}), 30),
        (Refusal(403, "You have exceeded a secondary rate limit"), 60),
    ],
)
def test_a_rate_limit_ends_when_the_service_says_so(refusal: Refusal, seconds: int) -> None:
    error = API.error_for(refusal, "asking", changes=True, now=NOW)
    assert isinstance(error, UnavailableError)
    assert error.retry_at == NOW + timedelta(seconds=seconds)


class Reads:
    """A read that raises `errors` in turn, then succeeds."""

    def __init__(self, *errors: RunnerError) -> None:
        self.errors = list(errors)
        self.attempts = 0

    async def __call__(self) -> str:
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)
        return "data"


def unavailable(*, retry_after: float | None = None) -> UnavailableError:
    until = datetime.now(UTC) + timedelta(seconds=retry_after) if retry_after is not None else None
    return UnavailableError("asking", "no answer", retry_at=until)


async def test_a_read_is_repeated_once_after_each_pause() -> None:
    reads = Reads(unavailable(), unavailable(retry_after=0))
    assert await repeat_read(reads, pauses=(0, 0), longest_pause=1) == "data"
    assert reads.attempts == 3
    with pytest.raises(UnavailableError):
        await repeat_read(Reads(*[unavailable()] * 3), pauses=(0, 0), longest_pause=1)


@pytest.mark.parametrize("error", [unavailable(retry_after=86_400), RunnerError("asking", "refused")])
async def test_a_long_rate_limit_and_a_refusal_end_a_read_at_once(error: RunnerError) -> None:
    reads = Reads(error)
    with pytest.raises(type(error)):
        await repeat_read(reads, pauses=(0, 0), longest_pause=1)
    assert reads.attempts == 1


@pytest.mark.parametrize("changes", [False, True])
async def test_a_call_without_a_usable_answer_is_uncertain_only_as_a_change(changes: bool) -> None:
    released = threading.Event()
    kind = UncertainError if changes else UnavailableError
    with pytest.raises(UnavailableError, match="within") as late:
        await API.call_on_thread(released.wait, doing="asking", changes=changes, timeout=0.01)
    released.set()
    with pytest.raises(UnavailableError, match="makes no sense") as unreadable:
        await API.call_on_thread(lambda: {"name": ""}["id"], doing="asking", changes=changes, timeout=5)
    assert type(late.value) is type(unreadable.value) is kind
    with pytest.raises(AccessDeniedError):  # the library's refusal, translated by the call itself
        await API.call_on_thread(refuse, doing="asking", changes=changes, timeout=5)


def refuse() -> None:
    raise AccessDeniedError("asking", "refused")
