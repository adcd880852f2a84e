"""Settings for all tests, their order, those whose program is not on this machine, and those that are slow."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests import fork_servers
from tests.programs import NEEDS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from _pytest.terminal import TerminalReporter

UNITS = Path(__file__).parent / "unit"
SLOW = 10.0  # seconds; a test that takes longer gives its reason: @pytest.mark.slow("why")

# Moto would load some hundred of Amazon's own images for each test that asks EC2 anything: seconds each.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

# A shell lets what it starts in the background ignore SIGINT, and so would all programs that the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The duration of an example depends on the machine's load more than on the code, so there is no deadline.
settings.register_profile("usual", deadline=None, print_blob=True, max_examples=25)
settings.register_profile("nightly", settings.get_profile("usual"), max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))


SHARED = pytest.StashKey[dict[str, dict[str, str]]]()


def pytest_configure(config: pytest.Config) -> None:
    """In the process that starts those of pytest-xdist: offer them the servers that fork what tests start."""
    if sys.platform == "linux" and getattr(config.option, "numprocesses", None):
        ends = ExitStack()
        config.stash[SHARED] = ends.enter_context(fork_servers.shared())
        config.add_cleanup(ends.close)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let a new process of pytest-xdist know them."""
    node.workerinput.update(node.config.stash.get(SHARED, {}))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep what collecting makes out of each later garbage collection.

    Thousands of tests and their modules live as long as the process. To visit them each time takes a fifth of the
    processor time of all unit tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, on each worker; skip what cannot run here."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    items[:] = _dealt(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    _skip_without_programs(items)


def _dealt(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """An order in which each worker begins with a share of the scenarios and goes on with unit tests.

    With worksteal a worker gets one piece of the list, and a worker that has finished takes over the end of another's. Unit
    tests are best to take: they are short, and do not share a world that would have to be started again.
    """
    units = [item for item in items if item.path.is_relative_to(UNITS)]
    modules: dict[Path, list[pytest.Item]] = {}
    for item in items:
        if not item.path.is_relative_to(UNITS):
            modules.setdefault(item.path, []).append(item)
    hands: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for module in modules.values():
        min(hands, key=len).extend(module)
    remaining = len(items)
    for number, hand in enumerate(hands):
        size = remaining // (workers - number)
        missing = max(0, size - len(hand))
        hand.extend(units[:missing])
        del units[:missing]
        remaining -= size
    return [item for hand in hands for item in hand] + units


def _skip_without_programs(items: Iterable[pytest.Item]) -> None:
    """Skips tests whose program is missing; with CI=true or CI=1 they run, and fail, since there nothing may be missing."""
    if os.environ.get("CI") in {"true", "1"}:
        return
    remedies = {marker: need.remedy for marker, need in NEEDS.items() if need.find() is None}
    for item in items:
        for marker, remedy in remedies.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"{marker}: {remedy}"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Raises UsageError where a test is marked as slow without a reason."""
    slow = item.get_closest_marker("slow")
    if slow and not (slow.args and slow.args[0]):
        raise pytest.UsageError(f'{item.nodeid}: write @pytest.mark.slow("why")')


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """List slow tests without a reason. They fail nothing: on a busy machine any test may be slow."""
    reports = [
        entry for stat in ("passed", "failed") for entry in terminalreporter.getreports(stat) if entry.when == "call"
    ]
    slow = [entry for entry in reports if entry.duration > SLOW and "slow" not in entry.keywords]
    if slow:
        terminalreporter.section(f"slower than {SLOW:.0f} s and not marked with a reason")
        for report in sorted(slow, key=lambda entry: -entry.duration):
            terminalreporter.line(f"{report.duration:6.1f} s {report.nodeid}")
