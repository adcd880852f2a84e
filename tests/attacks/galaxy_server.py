"""A galaxy of our own (API v3), collections for it, and roles: their texts say whose they are."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path


def packed(files: Mapping[str, str], links: Mapping[str, str] | None = None) -> bytes:
    """A .tar.gz with these files."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content.encode())
            tar.addfile(info, io.BytesIO(content.encode()))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return archive.getvalue()


def role(text: str, dependencies: str = "[]") -> bytes:
    """A role whose one task says `text`."""
    task = f"- ansible.builtin.debug: {{msg: {text}}}\n"
    return packed(
        {"web/tasks/main.yml": task, "web/meta/main.yml": f"galaxy_info: {{}}\ndependencies: {dependencies}\n"}
    )


def collection(text: str, files: Mapping[str, str] | None = None, namespace: str = "acme") -> bytes:
    """The collection acme.tools with the file `who`. The format is that of `ansible-galaxy collection build`."""
    contents = {"README.md": "", "who": text, **(files or {})}
    entries = [{"name": ".", "ftype": "dir", "chksum_type": None, "chksum_sha256": None, "format": 1}]
    entries += [{"name": name, "ftype": "file", **_sum(content), "format": 1} for name, content in contents.items()]
    listing = json.dumps({"files": entries, "format": 1})
    about = {"namespace": namespace, "name": "tools", "version": "1.0.0", "authors": ["Ana"], "readme": "README.md"}
    file = {"name": "FILES.json", "ftype": "file", **_sum(listing), "format": 1}
    manifest = {"collection_info": {**about, "dependencies": {}}, "file_manifest_file": file, "format": 1}
    return packed({"MANIFEST.json": json.dumps(manifest), "FILES.json": listing, **contents})


def _sum(content: str) -> dict[str, str]:
    return {"chksum_type": "sha256", "chksum_sha256": hashlib.sha256(content.encode()).hexdigest()}


@dataclass(slots=True)
class Galaxy:
    """Serves acme.tools 1.0.0, and any file by its name; counts downloads."""

    url: str = ""
    artifact: bytes = b""
    files: dict[str, bytes] = field(default_factory=dict)
    downloads: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        """One request of ansible-galaxy's."""
        path = request.path.strip("/")
        here = f"{self.url}/api/v3/collections/acme/tools"
        if path == "api":
            return web.json_response({"available_versions": {"v3": "v3/"}})
        if path == "api/v3/collections/acme/tools/versions":
            entry = {"version": "1.0.0", "href": f"{here}/versions/1.0.0/"}
            return web.json_response({"data": [entry], "meta": {"count": 1}, "links": {"next": None}})
        if path == "api/v3/collections/acme/tools/versions/1.0.0":
            return web.json_response(self._version(here))
        if path == "api/v3/collections/acme/tools":
            return web.json_response({"href": f"{here}/", "updated_at": "2026-01-01", "created_at": "2026-01-01"})
        self.downloads += [path] if path else []
        content = self.artifact if path == "acme-tools-1.0.0.tar.gz" else self.files.get(path)
        return web.Response(status=404) if content is None else web.Response(body=content)

    def _version(self, here: str) -> dict[str, object]:
        artifact = {"sha256": hashlib.sha256(self.artifact).hexdigest(), "filename": "a", "size": len(self.artifact)}
        return {
            "version": "1.0.0",
            "href": f"{here}/versions/1.0.0/",
            "namespace": {"name": "acme"},
            "collection": {"name": "tools"},
            "download_url": f"{self.url}/acme-tools-1.0.0.tar.gz",
            "artifact": artifact,
            "metadata": {"dependencies": {}},
            "signatures": [],
        }


@asynccontextmanager
async def serving(galaxy: Galaxy, port: int) -> AsyncIterator[Galaxy]:
    """The galaxy on this port of loopback."""
    application = web.Application()
    application.router.add_get("/{path:.*}", galaxy.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    galaxy.url = f"http://127.0.0.1:{port}"
    try:
        yield galaxy
    finally:
        await runner.cleanup()


def write(project: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write the files of a project."""
    for name, content in files.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return project
