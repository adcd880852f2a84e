"""The program that reads a log: `python -m runners.logs.worker LOG QUESTION`, both and the answer as JSON.

A process of its own, since a regular expression holds the interpreter: the bot's loop would stand still.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from runners.logs.reading import Question, read


def main(log: str, question: str) -> None:
    """Read the log and print what was found."""
    with Path(log).open("rb", buffering=0) as file:
        reading = read(file, msgspec.json.decode(question, type=Question))
    sys.stdout.buffer.write(msgspec.json.encode(reading))


if __name__ == "__main__":
    main(*sys.argv[1:])
