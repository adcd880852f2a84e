"""Traces: a real receiver of OTLP over HTTP gets a span for each workflow and step, without what they were given."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.engine import tracing

TRACED = importlib.util.find_spec("opentelemetry") is not None
PLANTED = "planted-in-a-result"
PROGRAM = """
import asyncio, sys
from bot.engine import tracing
from bot.engine.engine import Engine, EngineSettings
from bot.seals import Keyring

async def work():
    engine = Engine(EngineSettings(f"sqlite:///{sys.argv[1]}/engine.sqlite", "serve", Keyring.read(sys.argv[3]), traces_endpoint=sys.argv[2]))

    async def operate(number):
        async def value():
            return sys.argv[4]
        await engine.step("look it up", value)
        done.set()

    done = asyncio.Event()
    engine.register("deploy", operate)
    await engine.launch()
    await engine.enqueue("deploy", 12, "dev")
    await asyncio.wait_for(done.wait(), 60)
    await asyncio.sleep(0.5)
    await tracing.flush(sys.argv[2])
    engine.destroy()

asyncio.run(work())
"""
KEY = bytes(range(32)).hex()


@pytest.mark.skipif(not TRACED, reason="requirements-tracing.lock is not installed")
async def test_a_receiver_gets_spans_of_workflows_and_steps(tmp_path: Path) -> None:
    received: list[bytes] = []

    async def traces(request: web.Request) -> web.Response:
        received.append(await request.read())
        return web.Response(content_type="application/x-protobuf")

    application = web.Application()
    application.router.add_post("/v1/traces", traces)
    async with TestServer(application) as server:
        endpoint = str(server.make_url("/v1/traces"))
        done = await asyncio.to_thread(_run, tmp_path, endpoint)
    assert done.returncode == 0, done.stderr
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: PLC0415

    requests = [ExportTraceServiceRequest.FromString(body) for body in received]
    spans = [
        span for each in requests for of in each.resource_spans for scope in of.scope_spans for span in scope.spans
    ]
    names = {span.name for span in spans}
    assert {"deploy", "look it up"} <= names
    step = next(span for span in spans if span.name == "look it up")
    attributes = {attribute.key: attribute.value.string_value for attribute in step.attributes}
    assert attributes["dbos.operation.workflow_id"] == "operation-12"
    assert not any(PLANTED.encode() in body for body in received)


def _run(directory: Path, endpoint: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, str(directory), endpoint, KEY, PLANTED]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=100, check=False, cwd=Path(__file__).parents[4]
    )


async def test_without_an_address_nothing_is_loaded_or_sent() -> None:
    assert tracing.configuration(None) == {"enable_otlp": False}
    await tracing.flush(None)


def test_only_traces_are_sent_and_no_logs() -> None:
    assert "otlp_logs_endpoints" not in tracing.configuration("http://127.0.0.1:4318/v1/traces")
