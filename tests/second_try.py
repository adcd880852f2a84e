"""`python -m tests.second_try`: runs what failed in the last run again, alone, and names what passes only now.

On a busy machine a real program may take too long. What fails twice has failed; what passes the second time is flaky,
which is a defect too. Exits with pytest's status.
"""

from __future__ import annotations

import sys

import pytest


class Outcomes:
    """A pytest plugin that records which tests were run, and which of them failed."""

    def __init__(self) -> None:
        self.tried: set[str] = set()
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record a test's set-up, call or teardown."""
        self.tried.add(report.nodeid)
        if report.failed:
            self.failed.add(report.nodeid)


def main() -> int:
    """Run the second try."""
    print("Second try of what failed, one test at a time:", flush=True)  # noqa: T201 - a command line prints
    outcomes = Outcomes()
    status = pytest.main(["-q", "--last-failed", "--last-failed-no-failures", "none"], plugins=[outcomes])
    flaky = sorted(outcomes.tried - outcomes.failed)
    if flaky:
        print(f"\n{'!' * 30} FLAKY: {len(flaky)} {'!' * 30}\nThese passed only in a second try:")  # noqa: T201
        print("\n".join(f"  {name}" for name in flaky))  # noqa: T201
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
