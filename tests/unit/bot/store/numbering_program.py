"""A process that numbers requests: one JSON line in with keys and identities, one out with what became of each."""

from __future__ import annotations

import asyncio
import json
import sys
import time

from bot.errors import AlreadyOpenError
from bot.seals import Keyring
from bot.store.database import Store
from bot.store.operations import Operations, Request


async def numbered(operations: Operations, key: str, identity: str) -> list[object]:
    """How this request was numbered: ["new" or "open", number]."""
    request = Request(key, "deploy", "staging", "U0ANA", "Deploy", "C0STAGING", {}, at=time.time(), typed=True)
    try:
        return ["new", await operations.create(request, identity)]
    except AlreadyOpenError as error:
        return ["open", error.number]


async def main(url: str, key: str) -> None:
    """Answer each line until there is none."""
    store = Store(url, Keyring.read(key))
    operations = Operations(store, time.time)
    while line := await asyncio.to_thread(sys.stdin.readline):
        wanted = [numbered(operations, *each) for each in json.loads(line)]
        sys.stdout.write(json.dumps(await asyncio.gather(*wanted)) + "\n")
        sys.stdout.flush()
    store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
