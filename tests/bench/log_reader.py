"""`python -m tests.bench.log_reader LOG PATTERNS RATE_LIMITS`: scans a log and prints the resources that it took; the last two arguments are JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from runners.logs.failure_patterns import BUILT_IN, configured
from runners.logs.scan import scan_file
from tests.bench.memory import peak


def main(log: str, patterns: str, rate_limits: str) -> None:
    """Print the processor time of this process, the megabytes that the scan adds, and the number of failures, as JSON."""
    before = peak()
    with Path(log).open("rb", buffering=0) as file:
        reading = scan_file(file, (*BUILT_IN, *map(configured, json.loads(patterns))), json.loads(rate_limits))
    print(json.dumps({"seconds": time.process_time(), "megabytes": peak() - before, "found": reading.matches}))  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main(*sys.argv[1:])
