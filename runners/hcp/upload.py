"""Code as HCP Terraform takes it: a gzipped tar archive of the repository, uploaded as a configuration version."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

from runners.concurrency import run_blocking
from runners.errors import RunnerError, TimedOutError

if TYPE_CHECKING:
    from pathlib import Path

    from pytfe import TFEClient

    from runners.hcp.client import HcpTerraform
    from runners.hcp.values import HcpWorkspace

_LEFT_OUT = (".git", ".terraform")
_PACK_TIMEOUT = 300.0  # seconds
_UNPACK_TIMEOUT = 120.0
_ERRORED, _UPLOADED = "errored", "uploaded"


async def upload(hcp: HcpTerraform, workspace: HcpWorkspace, root: Path, *, doing: str) -> str:
    """Upload the files under `root` and wait until HCP Terraform has unpacked them: the configuration version's id.

    The workspace's own "working directory" says where in them Terraform starts. Nothing runs yet.

    Raises:
        RunnerError: one of its family; TimedOutError when they are not unpacked in time.
    """
    archive = await run_blocking(pack, root, timeout=_PACK_TIMEOUT, doing=doing)
    configuration, address = await hcp.call(lambda client: _create(client, workspace), doing=doing, changes=True)
    await hcp.call(
        lambda client: client.configuration_versions.upload_tar_gzip(address, io.BytesIO(archive)),
        doing=doing,
        changes=True,
    )
    waited = 0.0
    while waited < _UNPACK_TIMEOUT:
        document = await hcp.read(f"/api/v2/configuration-versions/{configuration}", doing=doing)
        attributes = document["data"]["attributes"]
        if attributes.get("status") == _UPLOADED:
            return configuration
        if attributes.get("status") == _ERRORED:
            raise RunnerError(
                doing, f"HCP Terraform cannot use the code: {attributes.get('error-message') or 'no reason given'}"
            )
        pause = min(0.2 + waited, 5.0)
        await hcp.pause(configuration, pause)
        waited += pause
    raise TimedOutError(doing, f"HCP Terraform has not unpacked the code within {_UNPACK_TIMEOUT:g} seconds")


def _create(client: TFEClient, workspace: HcpWorkspace) -> tuple[str, str]:
    from pytfe.models import ConfigurationVersionCreateOptions  # noqa: PLC0415 - see hcp_client

    # By itself it would start a run without our mark in it.
    options = ConfigurationVersionCreateOptions.model_validate({"auto-queue-runs": False})
    made = client.configuration_versions.create(workspace.id, options)
    if not made.upload_url:
        raise ValueError("no upload-url")
    return made.id, made.upload_url


def pack(root: Path) -> bytes:
    """The archive; the same files give the same bytes' content, without owners and times. Links stay links."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", compresslevel=6) as archive:
        for path in sorted(root.rglob("*")):
            inside = path.relative_to(root)
            if not any(part in _LEFT_OUT for part in inside.parts):
                archive.add(path, arcname=str(inside), recursive=False, filter=_anonymous)
    return made.getvalue()


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member
