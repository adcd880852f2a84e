"""Collections and roles of a requirements.yml, by real ansible-galaxy from a server of our own."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import web

from runners.ansible import galaxy
from runners.caches import Cache
from runners.errors import NotFoundError, ProgramMissingError, RunnerError, UnavailableError
from runners.results import State
from tests.attacks.galaxy_server import Galaxy, collection as served_collection, serving
from tests.real.test_ansible import Playbooks, playbooks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.needs_bwrap

__all__ = ["playbooks"]
GALAXY = str(Path(sys.executable).parent / "ansible-galaxy")
ROLE = "- name: From the role\n  ansible.builtin.debug: {msg: role}\n"
FILTER = "class FilterModule:\n    def filters(self):\n        return {'loud': str.upper}\n"
USES_BOTH = """
    - hosts: all
      gather_facts: false
      roles: [web]
      tasks:
        - {name: Loud, ansible.builtin.debug: {msg: "{{ 'word' | acme.tools.loud }}"}}
    """


def collection(directory: Path) -> bytes:
    """A collection with a filter, as a galaxy serves it."""
    subprocess.run([GALAXY, "collection", "init", "acme.tools"], cwd=directory, check=True)
    plugins = directory / "acme" / "tools" / "plugins" / "filter"
    plugins.mkdir()
    (plugins / "loud.py").write_text(FILTER)
    subprocess.run([GALAXY, "collection", "build", "acme/tools"], cwd=directory, check=True)
    return (directory / "acme-tools-1.0.0.tar.gz").read_bytes()


def role() -> bytes:
    """A role with one task, packed."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in {"web/tasks/main.yml": ROLE, "web/meta/main.yml": "galaxy_info: {}\n"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content.encode()))
    return packed.getvalue()


class Server:
    """Serves both; counts what it served."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.served: list[str] = []
        self.requirements = (
            f"collections:\n  - {{name: '{url}/acme-tools-1.0.0.tar.gz', type: url}}\n"
            f"roles:\n  - {{name: web, src: '{url}/web.tar.gz'}}\n"
        )


@pytest_asyncio.fixture
async def server(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Server]:
    made = Server(f"http://127.0.0.1:{unused_tcp_port}")
    files = {"acme-tools-1.0.0.tar.gz": await asyncio.to_thread(collection, tmp_path), "web.tar.gz": role()}

    async def serve(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        made.served.append(name)
        return web.Response(body=files[name])

    application = web.Application()
    application.router.add_get("/{name}", serve)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    yield made
    await runner.cleanup()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "galaxy" / "staging")


async def test_both_are_installed_once_for_an_operation_and_used(
    playbooks: Playbooks, server: Server, cache: Cache
) -> None:
    playbooks.write("requirements.yml", server.requirements)
    playbooks.write("deploy.yml", USES_BOTH)
    both = await asyncio.gather(*(galaxy.install(playbooks.project, cache, playbooks.scratch) for _ in range(3)))
    assert len(set(both)) == 1
    assert both[0]
    assert server.served.count("web.tar.gz") == 1
    assert "acme-tools-1.0.0.tar.gz" in server.served
    assert not cache.root.exists() or list(cache.root.iterdir()) == [], "what is behind a URL may change"
    result = await playbooks.run(playbooks.job(installed=both[0]))
    assert result.state is State.SUCCEEDED, result.log_tail
    assert "WORD" in result.log_tail
    playbooks.write("requirements.yml", server.requirements + "# changed\n")
    assert await galaxy.install(playbooks.project, cache, playbooks.scratch) != both[0]


async def test_paths_of_the_repository_are_not_kept(playbooks: Playbooks, server: Server, cache: Cache) -> None:
    (playbooks.project / "own.tar.gz").write_bytes(role())
    playbooks.write("requirements.yml", "roles: [{name: web, src: ./own.tar.gz}]\n")
    made = await galaxy.install(playbooks.project, cache, playbooks.scratch)
    assert made
    assert made.parent == playbooks.scratch / "galaxy"
    assert (made / "roles" / "web" / "tasks" / "main.yml").is_file()
    assert server.served == []


async def test_without_requirements_nothing_is_installed(playbooks: Playbooks, cache: Cache) -> None:
    assert await galaxy.install(playbooks.project, cache, playbooks.scratch) is None
    playbooks.write("requirements.yml", "collections: []\n")
    assert await galaxy.install(playbooks.project, cache, playbooks.scratch) is None


async def test_a_galaxy_that_does_not_answer_is_said_in_time(
    playbooks: Playbooks, cache: Cache, unused_tcp_port: int
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    playbooks.write(
        "requirements.yml", f"collections: [{{name: acme.tools, source: 'http://127.0.0.1:{unused_tcp_port}'}}]\n"
    )
    with pytest.raises(UnavailableError, match="does not answer") as refused:
        await galaxy.install(playbooks.project, cache, playbooks.scratch)
    assert "Nothing was deployed" in refused.value.remedy
    async with await asyncio.start_server(silent, "127.0.0.1", unused_tcp_port):
        with pytest.raises(UnavailableError, match="took too long") as caught:
            await galaxy.install(playbooks.project, cache, playbooks.scratch, timeout=3)
    assert "requirements.yml" in caught.value.doing
    assert {item.name for item in cache.root.iterdir()} == {".lock"}, "no half is left"


async def test_what_is_not_there_is_said(playbooks: Playbooks, server: Server, cache: Cache) -> None:
    playbooks.write("requirements.yml", f"roles: [{{name: other, src: '{server.url}/nothing.tar.gz'}}]\n")
    with pytest.raises(NotFoundError) as caught:
        await galaxy.install(playbooks.project, cache, playbooks.scratch)
    assert "Check names, versions and sources in requirements.yml" in caught.value.remedy


async def test_a_file_that_is_no_yaml_is_said_with_its_line(playbooks: Playbooks, cache: Cache) -> None:
    playbooks.write("requirements.yml", "roles:\n  - [\n")
    with pytest.raises(RunnerError, match="it is no YAML at line 3"):
        await galaxy.install(playbooks.project, cache, playbooks.scratch)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("collections: 3\n", "`collections` must be a list"),
        ("collections: community.general\n", "`collections` must be a list"),
        ("roles: {name: web}\n", "`roles` must be a list"),
        ("community.general\n", "it must hold the keys `collections` and `roles`"),
    ],
)
async def test_a_file_of_another_shape_is_refused(playbooks: Playbooks, cache: Cache, text: str, problem: str) -> None:
    playbooks.write("requirements.yml", text)
    with pytest.raises(RunnerError) as refused:
        await galaxy.install(playbooks.project, cache, playbooks.scratch)
    assert (refused.value.doing, refused.value.problem) == ("reading requirements.yml", problem)
    assert refused.value.remedy == "Correct it in the repository. Nothing was deployed."


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "collections:\nroles: []\n"])
async def test_a_file_that_names_nothing_installs_nothing(playbooks: Playbooks, cache: Cache, text: str) -> None:
    playbooks.write("requirements.yml", text)
    assert await galaxy.install(playbooks.project, cache, playbooks.scratch) is None


async def test_without_ansible_galaxy_it_says_what_to_install(
    playbooks: Playbooks, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    playbooks.write("requirements.yml", "roles: [web]\n")
    monkeypatch.setattr("runners.processes.child._SYSTEM_PATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ProgramMissingError) as caught:
        await galaxy.install(playbooks.project, cache, playbooks.scratch)
    assert "ansible-core" in caught.value.remedy


def test_paths_that_the_repository_names_are_searched_as_well(playbooks: Playbooks, cache: Cache) -> None:
    playbooks.write("ansible.cfg", "[defaults]\nroles_path = ../roles:own%s\n")
    installed = cache.entry("any")
    paths = galaxy.search_paths(playbooks.project, installed, playbooks.project)
    project = playbooks.project.resolve()
    assert paths == {
        "ANSIBLE_COLLECTIONS_PATH": f"{installed}/collections",
        "ANSIBLE_ROLES_PATH": f"{installed}/roles:{project.parent}/roles:{project}/own%s",
    }


@pytest.mark.parametrize("written", ["", "collections: [{name: acme.tools, version: 1.0.0}]\n"])
async def test_collections_of_the_configuration_are_installed_as_those_of_a_file(
    playbooks: Playbooks, unused_tcp_port: int, cache: Cache, written: str
) -> None:
    async with serving(Galaxy(artifact=served_collection("the server's")), unused_tcp_port) as galaxy_server:
        playbooks.write("ansible.cfg", f"[galaxy]\nserver = {galaxy_server.url}\n")
        playbooks.write("requirements.yml", written)
        # Where the repository's file names it too, the file decides: no server has 2.0.0.
        named = {"acme.tools": ">=2" if written else ">=1,<2"}
        made = await galaxy.install(playbooks.project, cache, playbooks.scratch, collections=named)
        assert made
        assert made.is_relative_to(cache.root), "it is from a galaxy, and so cached"
        assert (made / "collections" / "ansible_collections" / "acme" / "tools" / "who").read_text() == "the server's"
        again = await galaxy.install(playbooks.project, cache, playbooks.scratch, collections=named)
        assert again == made
        assert len(galaxy_server.downloads) == 1
        if not written:
            with pytest.raises(NotFoundError) as missing:
                await galaxy.install(playbooks.project, cache, playbooks.scratch, collections={"acme.tools": ">=3"})
            assert "deploy.ansible.collections" in str(missing.value.remedy)
