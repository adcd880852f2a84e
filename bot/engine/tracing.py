"""Traces by OpenTelemetry: the engine sends a span for each workflow and each step, where an address is configured.

A span has names, ids and times; no argument and no result. The packages are installed only where traces are wanted, so
that a start without them loads nothing of them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbos import DBOSConfig

FLUSHED_WITHIN = 2_000  # milliseconds for what was not sent yet when the process stops


def configuration(endpoint: str | None) -> DBOSConfig:
    """What the engine needs to send traces to this address; None for nowhere."""
    if endpoint is None:
        return {"enable_otlp": False}
    return {"enable_otlp": True, "otlp_traces_endpoints": [endpoint], "otel_attribute_format": "semconv"}


async def flush(endpoint: str | None) -> None:
    """Send what was not sent yet; a receiver that does not answer delays a stop by FLUSHED_WITHIN."""
    if endpoint is None:
        return
    from opentelemetry import trace  # noqa: PLC0415  -- not installed where nobody wants traces

    force_flush = getattr(trace.get_tracer_provider(), "force_flush", None)
    if force_flush:
        await asyncio.to_thread(force_flush, FLUSHED_WITHIN)
