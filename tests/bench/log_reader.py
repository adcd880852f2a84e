"""`python -m tests.bench.log_reader LOG QUESTION`: what reading took, as JSON; in the process that reads, all of it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import msgspec

from runners.logs.reading import Question, read
from tests.bench.memory import peak


def main(log: str, question: str) -> None:
    """Read it as the bot's own process for it does, and print seconds of processor time, megabytes and lines found."""
    with Path(log).open("rb", buffering=0) as file:
        reading = read(file, msgspec.json.decode(question, type=Question))
    print(json.dumps({"seconds": time.process_time(), "megabytes": peak(), "found": reading.found}))  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main(*sys.argv[1:])
