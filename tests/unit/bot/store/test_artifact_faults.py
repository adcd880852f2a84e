"""Artifacts where the database, the disk or S3 fails: waited for, or refused in words with a remedy."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.errors import DatabaseAwayError
from bot.store.annotations import Annotations
from bot.store.artifact_places import DatabasePlace, DirectoryPlace
from bot.store.artifacts import Artifacts
from runners.aws.artifact_bucket import ArtifactBucket
from runners.errors import AccessDeniedError, RunnerError, UnavailableError
from tests.unit.bot.store.artifact_kinds import KEYRING, MOST, WHAT, s3

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.store.database import Store

__all__ = ["s3"]  # a fixture


async def test_without_a_place_nothing_is_stored(store: Store) -> None:
    nowhere = Artifacts(KEYRING, None, Annotations(store, lambda: 0.0))
    assert not nowhere.shared
    await nowhere.put(7, "plan", b"x", WHAT)
    assert await nowhere.get(7, "plan", WHAT) is None
    await nowhere.delete(7)


async def test_an_outage_of_the_database_is_waited_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    place, tries = DatabasePlace(store), []
    stored = Artifacts(KEYRING, place, Annotations(store, lambda: 0.0))
    run = store.run

    async def away_twice(*arguments: Any, **more: Any) -> Any:
        tries.append(1)
        if len(tries) in (1, 2, 4):
            raise DatabaseAwayError("the database is away")
        return await run(*arguments, **more)

    monkeypatch.setattr(store, "run", away_twice)
    monkeypatch.setattr("bot.store.database_outage.FIRST_PAUSE", 0.0)
    await stored.put(7, "plan", b"x", WHAT)
    assert await stored.get(7, "plan", WHAT) == b"x"
    assert len(tries) == 5


async def test_a_full_disk_is_said_and_leaves_no_part(tmp_path: Path, store: Store) -> None:
    stored = Artifacts(KEYRING, DirectoryPlace(tmp_path / "shared", ("home",)), Annotations(store, lambda: 0.0))
    await stored.put(7, "plan", b"x", WHAT)
    (tmp_path / "shared" / "home" / "8").symlink_to("/proc/self/nowhere")
    with pytest.raises(RunnerError, match="cannot be written to"):
        await stored.put(8, "plan", b"x", WHAT)
    full = Artifacts(KEYRING, DirectoryPlace(tmp_path / "full", ("home",)), Annotations(store, lambda: 0.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", _no_space)
        with pytest.raises(RunnerError, match=r"full cannot be written to: No space left on device") as refused:
            await full.put(7, "plan", b"x", WHAT)
    assert "operations.artifacts" in refused.value.remedy
    assert not [path for path in (tmp_path / "full").rglob("*") if path.is_file()]


def _no_space(_: int) -> None:
    raise OSError(28, os.strerror(28))


@pytest.fixture
async def fault_of_s3(s3: Any) -> AsyncIterator[dict[str, int]]:
    """Answers every call of S3 with this status from now on."""
    fault = {"status": 503, "asked": 0}
    codes = {503: "SlowDown", 403: "AccessDenied", 404: "NoSuchBucket"}

    async def answer(_: web.Request) -> web.Response:
        fault["asked"] += 1
        text = f"<Error><Code>{codes[fault['status']]}</Code><Message>no</Message></Error>"
        return web.Response(status=fault["status"], text=text, content_type="application/xml")

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    async with TestServer(app) as server:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", str(server.make_url("/")))
            yield fault


async def test_faults_of_s3_are_said_with_a_remedy(
    fault_of_s3: dict[str, int], store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    place = ArtifactBucket("artifacts", "x", "us-east-1", None, homes=("home",), most=MOST)
    stored = Artifacts(KEYRING, place, Annotations(store, lambda: 0.0))
    fault_of_s3["status"] = 403
    with pytest.raises(AccessDeniedError, match="storing an artifact in s3://artifacts/x: AWS forbids PutObject") as no:
        await stored.put(7, "plan", b"x", WHAT)
    assert "PutObject" in no.value.remedy
    fault_of_s3["status"] = 404
    with pytest.raises(RunnerError, match="there is no bucket artifacts"):
        await stored.put(7, "plan", b"x", WHAT)
    fault_of_s3.update(status=503, asked=0)
    with pytest.raises(UnavailableError, match="AWS cannot process the request right now"):
        await stored.put(7, "plan", b"x", WHAT)
    assert fault_of_s3["asked"] == 5
    fault_of_s3["status"] = 403
    await stored.delete(7)  # what the sweep deletes later does not hold the operation's end up
    assert "the artifacts of operation 7 stay until the next sweep" in caplog.text
    fault_of_s3["asked"] = 0
    await stored.delete(8)  # an operation without artifacts asks nobody
    assert fault_of_s3["asked"] == 0


async def test_a_bucket_is_checked(s3: Any) -> None:
    def place(name: str) -> ArtifactBucket:
        return ArtifactBucket(name, "x", "us-east-1", None, homes=("home",), most=MOST)

    name = f"checked-{uuid.uuid4().hex[:12]}"
    with pytest.raises(RunnerError, match=f"there is no bucket {name}"):
        await place(name).problems()
    s3.create_bucket(Bucket=name)
    assert any("has no versions" in problem for problem, _ in await place(name).problems())
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert await place(name).problems() == []
