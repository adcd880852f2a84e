"""Uploads code to HCP Terraform as a configuration version: a gzipped tar archive of the repository."""

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

_EXCLUDED = (".git", ".terraform")
_PACK_TIMEOUT = 300.0  # seconds
_UNPACK_TIMEOUT = 120.0
_ERRORED, _UPLOADED = "errored", "uploaded"


async def upload_configuration(hcp: HcpTerraform, workspace: HcpWorkspace, root: Path, *, doing: str) -> str:
    """Upload the files under `root`, wait until HCP Terraform has unpacked them, and return the configuration version's id.

    Terraform starts in the workspace's "working directory" inside of them. Nothing runs yet.

    Raises:
        RunnerError: or one of its kinds; TimedOutError when they are not unpacked in time.
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
    from pytfe.models import ConfigurationVersionCreateOptions  # noqa: PLC0415 - as in client.py

    # An automatic run would not carry this operation's marker.
    options = ConfigurationVersionCreateOptions.model_validate({"auto-queue-runs": False})
    configuration = client.configuration_versions.create(workspace.id, options)
    if not configuration.upload_url:
        raise ValueError("no upload-url")
    return configuration.id, configuration.upload_url


def pack(root: Path) -> bytes:
    """The gzipped tar archive of the files under `root`, without owners and times. Links stay links."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", compresslevel=6) as archive:
        for path in sorted(root.rglob("*")):
            relative = path.relative_to(root)
            if not any(part in _EXCLUDED for part in relative.parts):
                archive.add(path, arcname=str(relative), recursive=False, filter=_anonymous)
    return content.getvalue()


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member
