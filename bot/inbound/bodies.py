"""Bodies of requests before they are authenticated: read within a time, a size, and a memory that all share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import ClientError, web

from bot.inbound.refusals import RefusedError

if TYPE_CHECKING:
    from aiohttp.web import Request

SMALL = 1 << 16  # bytes that each body may have, whatever the others have
SHARED = 32 << 20  # bytes for all that is beyond
TIMEOUT = 8.0  # seconds for one body; Slack waits three for its answer, GitHub ten


class Bodies:
    """Reads bodies; those that are read at the same time have `shared` bytes in all beside `SMALL` for each."""

    def __init__(self, shared: int = SHARED) -> None:
        self._free = shared

    async def read(self, request: Request, largest: int) -> bytearray:
        """The body, of which there is no second copy. Raises RefusedError if it is larger, does not come in time or whole, or memory is short."""
        too_large = RefusedError(413, f"the body is larger than {largest} bytes", "size")
        if (request.content_length or 0) > largest:
            raise too_large
        body, taken, whole = bytearray(), 0, False
        try:
            async with asyncio.timeout(TIMEOUT):
                async for piece in request.content.iter_chunked(1 << 16):
                    body += piece
                    if len(body) > largest:
                        raise too_large
                    more = max(0, len(body) - SMALL) - taken
                    if more > self._free:
                        raise RefusedError(503, "too many large bodies come at once; try again", "memory")
                    taken, self._free = taken + more, self._free - more
        except TimeoutError:
            raise RefusedError(408, "the body did not come in time", "time") from None
        except (web.RequestPayloadError, ClientError, ConnectionError):
            raise RefusedError(400, "the body is not as its headers say", "shape") from None
        else:
            whole = True
        finally:
            if not whole:
                body.clear()  # the traceback of the refusal would keep it
            self._free += taken
        return body
