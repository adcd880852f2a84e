"""Opens connections as a stranger does: python many_connections.py PORT IDLE SLOW, until its input ends.

Idle connections send nothing. Slow ones send a header's byte each second, and come back when they are closed. They come
from many addresses of the loopback network. Prints a line once all were opened, and at the end how many are left.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import sys

PEERS = 250
HEAD = b"POST /slack/events HTTP/1.1\r\nHost: signalbox\r\nX-Long: " + b"x" * 100_000


async def connected(port: int, number: int) -> socket.socket:
    """A connection from the address that this number has."""
    client = socket.socket()
    client.setblocking(False)
    client.bind((f"127.0.0.{2 + number % PEERS}", 0))
    await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
    return client


async def slow(port: int, number: int) -> None:
    """Send a byte each second, on a new connection after each one that was closed."""
    while True:
        client = await connected(port, number)
        try:
            for byte in HEAD:
                await asyncio.get_running_loop().sock_sendall(client, bytes([byte]))
                await asyncio.sleep(1)
        except OSError:
            client.close()
            await asyncio.sleep(0.1)


def is_open(client: socket.socket) -> bool:
    """Whether the other end has not closed it."""
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


async def attack(port: int, idle: int, slowly: int) -> None:
    """Open all of them and keep them until the input ends."""
    clients = [await connected(port, number) for number in range(idle)]
    tasks = [asyncio.create_task(slow(port, number)) for number in range(slowly)]
    await asyncio.sleep(1)
    sys.stdout.write("open\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    sys.stdout.write(f"{sum(map(is_open, clients))}\n")
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(attack(*map(int, sys.argv[1:])))
