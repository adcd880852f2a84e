"""What an unreviewed branch installs never runs in a reviewed deploy, and no name leads out of the cache."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from hypothesis import given, strategies as st

from runners.ansible import galaxy
from runners.ansible.requirements import check_roles, find, role_name
from runners.caches import Cache
from runners.errors import NotFoundError, RunnerError
from tests.attacks.galaxy_server import Galaxy, collection, packed, role, serving, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

requirement = pytest.importorskip("ansible.playbook.role.requirement")
pytestmark = pytest.mark.needs_bwrap


@pytest_asyncio.fixture
async def server(unused_tcp_port: int) -> AsyncIterator[Galaxy]:
    async with serving(Galaxy(artifact=collection("the server's")), unused_tcp_port) as started:
        yield started


class Operations:
    """Installs for one operation after the other, each with files of its own, as the bot does."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.cache = Cache(directory / "galaxy" / "staging")
        self._number = 0

    async def install(self, files: Mapping[str, str | bytes], cache: Cache | None = None) -> Path:
        self._number += 1
        scratch = self.directory / f"operation-{self._number}"
        installed = await galaxy.install(write(scratch / "code", files), cache or self.cache, scratch)
        assert installed
        return installed

    def outside(self) -> set[str]:
        """What lies beside the operations' directories and the cache."""
        return {path.name for path in self.directory.iterdir() if not path.name.startswith("operation-")} - {"galaxy"}


@pytest.fixture
def operations(tmp_path: Path) -> Operations:
    return Operations(tmp_path)


def text_of(installed: Path) -> str:
    """All texts of what was installed."""
    files = [path for path in sorted(installed.rglob("*")) if path.is_file()]
    return "\n".join(path.read_text(errors="replace") for path in files)


VENDORED = {
    "without ./": "roles: [{name: web, src: vendor/web.tar.gz}]\n",
    "with ./": "roles: [{name: web, src: ./vendor/web.tar.gz}]\n",
    "with ../": "roles: [{name: web, src: ../code/vendor/web.tar.gz}]\n",
    "an absolute path": "roles: [{name: web, src: '%s/vendor/web.tar.gz'}]\n",
    "file://": "roles: [{name: web, src: 'file://%s/vendor/web.tar.gz'}]\n",
    "a string": "roles: ['vendor/web.tar.gz,,web']\n",
    "an old list": "- {src: vendor/web.tar.gz, name: web}\n",
    "a galaxy's name that is a file": "roles: [{name: acme.web}]\n",
    "included": "- include: more.yml\n",
    "a collection without ./": "collections: [{name: vendor/tools.tar.gz}]\n",
    "a collection of a directory": "collections: [{name: ./vendor/tools, type: dir}]\n",
    "a collection with file://": "collections: [{name: 'file://%s/vendor/tools.tar.gz', type: url}]\n",
}


def vendored(scratch: Path, requirements: str, whose: str) -> dict[str, str | bytes]:
    text = requirements % (scratch / "code") if "%s" in requirements else requirements
    manifest = "namespace: acme\nname: tools\nversion: 1.0.0\nreadme: README.md\nauthors: [Ana]\n"
    return {
        "requirements.yml": text,
        "more.yml": "- {src: vendor/web.tar.gz, name: web}\n",
        "acme.web": role(whose),
        "vendor/web.tar.gz": role(whose),
        "vendor/tools.tar.gz": collection(whose),
        "vendor/tools/galaxy.yml": manifest,
        "vendor/tools/README.md": "",
        "vendor/tools/who": whose,
    }


@pytest.mark.parametrize("requirements", VENDORED.values(), ids=VENDORED)
async def test_a_branchs_files_are_not_what_main_installs(operations: Operations, requirements: str) -> None:
    scratch = operations.directory / "operation-1"
    if requirements == VENDORED["a galaxy's name that is a file"]:
        # It is the galaxy's role that is meant: the file must not be taken, and this machine reaches no galaxy.
        with pytest.raises(RunnerError):
            await operations.install(vendored(scratch, requirements, "BRANCH"))
        return
    branch = await operations.install(vendored(scratch, requirements, "BRANCH"))
    assert "BRANCH" in text_of(branch)
    main = await operations.install(vendored(operations.directory / "operation-2", requirements, "MAIN"))
    assert "MAIN" in text_of(main)
    assert "BRANCH" not in text_of(main)


async def test_what_a_galaxy_has_is_installed_once_for_each_environment(operations: Operations, server: Galaxy) -> None:
    files = {"requirements.yml": f"collections: [{{name: acme.tools, version: 1.0.0, source: '{server.url}'}}]\n"}
    first = await operations.install(files)
    assert "the server's" in text_of(first)
    assert await operations.install(files) == first
    assert server.downloads == ["acme-tools-1.0.0.tar.gz"]
    other = await operations.install(files, Cache(operations.directory / "galaxy" / "prod"))
    assert other != first
    assert len(server.downloads) == 2


async def test_a_branchs_settings_choose_no_server_for_main(operations: Operations, server: Galaxy) -> None:
    files = {"requirements.yml": "collections: [{name: acme.tools, version: 1.0.0}]\n"}
    settings = "[galaxy]\nserver_list = own\n[galaxy_server.own]\nurl = %s\n"
    branch = await operations.install({**files, "ansible.cfg": settings % server.url})
    assert "the server's" in text_of(branch)
    with pytest.raises(RunnerError):  # main has another server, which does not answer
        await operations.install({**files, "ansible.cfg": settings % "http://127.0.0.1:1"})


async def test_what_is_behind_a_url_is_installed_again(operations: Operations, server: Galaxy) -> None:
    files = {"requirements.yml": f"roles: [{{name: web, src: '{server.url}/web.tar.gz'}}]\n"}
    for whose in ("FIRST", "SECOND"):
        server.files["web.tar.gz"] = role(whose)
        assert whose in text_of(await operations.install(files))


ESCAPES = {
    "up": "roles: [{name: ../../../escaped, src: vendor/web.tar.gz}]\n",
    "absolute": "roles: [{name: '%s/escaped', src: vendor/web.tar.gz}]\n",
    "a folder": "roles: [{name: a/b, src: vendor/web.tar.gz}]\n",
    "dots": "roles: [{name: .., src: vendor/web.tar.gz}]\n",
    "no name": "roles: [{src: ../code/vendor/web.tar.gz}]\n",
    "a string": "roles: ['vendor/web.tar.gz,,../../../escaped']\n",
    "an old key": "roles: [{role: ../../../escaped, src: vendor/web.tar.gz}]\n",
    "nested": "roles: [{src: {src: vendor/web.tar.gz}}]\n",
    "an option": "roles: [{name: --force, src: vendor/web.tar.gz}]\n",
    "a list": "roles: [[web]]\n",
    "included": "- include: escape.yml\n",
    "included from outside": "- include: ../../outside.yml\n",
    "a dependency": "roles: [{name: web, src: vendor/needs.tar.gz}]\n",
    "a link": "roles: [{name: web, src: vendor/link.tar.gz}]\n",
}


@pytest.mark.parametrize("requirements", ESCAPES.values(), ids=ESCAPES)
async def test_no_name_leads_out(operations: Operations, requirements: str) -> None:
    code = operations.directory / "operation-1" / "code"
    dependency = f"[{{src: '{code}/vendor/web.tar.gz', name: ../../../escaped}}]"
    files: dict[str, str | bytes] = {
        "requirements.yml": requirements % operations.directory if "%s" in requirements else requirements,
        "escape.yml": "- {src: vendor/web.tar.gz, name: ../../../escaped}\n",
        "vendor/web.tar.gz": role("x"),
        "vendor/needs.tar.gz": role("x", dependency),
        "vendor/link.tar.gz": packed({"web/meta/main.yml": "galaxy_info: {}\n"}, {"web/files": "/etc"}),
    }
    (operations.directory / "outside.yml").write_text("- {src: web, name: web}\n")
    with pytest.raises(RunnerError) as refused:
        await operations.install(files)
    assert "Nothing was deployed" in refused.value.remedy
    assert operations.outside() == {"outside.yml"}
    assert not list(operations.directory.rglob("escaped"))
    assert not list(operations.directory.rglob("*.part-*"))


async def test_a_collection_with_a_file_outside_of_it_is_refused(operations: Operations) -> None:
    files: dict[str, str | bytes] = {
        "requirements.yml": "collections: [{name: ./tools.tar.gz, type: file}]\n",
        "tools.tar.gz": collection("x", {"../../../escaped": "x"}),
    }
    with pytest.raises(NotFoundError, match="did not install"):
        await operations.install(files)
    assert not list(operations.directory.rglob("escaped"))


async def test_a_collection_that_names_another_directory_is_reported(operations: Operations) -> None:
    """ansible-galaxy takes the path as its own; the wall refuses the write, and the refusal names the directory."""
    files: dict[str, str | bytes] = {
        "requirements.yml": "collections: [{name: ./tools.tar.gz, type: file}]\n",
        "tools.tar.gz": collection("x", namespace=f"{operations.directory}/operation-other"),
    }
    with pytest.raises(RunnerError, match="outside of its directory") as refused:
        await operations.install(files)
    assert "tried to write" in str(refused.value)
    assert "Nothing was deployed" in refused.value.remedy
    assert not list(operations.directory.rglob("*.part-*"))
    assert not operations.outside()
    assert not (operations.directory / "operation-other").exists()


async def test_roles_that_roles_need_are_installed(operations: Operations) -> None:
    code = operations.directory / "operation-1" / "code"
    files: dict[str, str | bytes] = {
        "requirements.yml": "roles: [{name: web, src: vendor/web.tar.gz}]\n",
        "vendor/web.tar.gz": role("one", f"[{{src: '{code}/vendor/base.tar.gz', name: acme.base}}, {{role: own}}]"),
        "vendor/base.tar.gz": role("two"),
    }
    installed = await operations.install(files)
    assert sorted(path.name for path in (installed / "roles").iterdir()) == ["acme.base", "web"]


NAMES = st.sampled_from(["web", "a.b", "../x", "/x", "a/b", "..", "", "https://h/x.git", "git@h:o/r.git", "x.tar.gz"])
ENTRIES = st.one_of(
    NAMES,
    st.lists(NAMES, min_size=2, max_size=3).map(",".join),
    st.fixed_dictionaries({}, optional={"name": NAMES, "src": NAMES, "role": NAMES, "version": st.just("1")}),
)


@given(ENTRIES)
def test_names_are_those_that_ansible_takes(entry: str | dict[str, str]) -> None:
    try:
        check_roles([entry], "requirements.yml", Path())
    except RunnerError:
        return
    given_entry = dict(entry) if isinstance(entry, dict) else entry
    assert requirement.RoleRequirement.role_yaml_parse(given_entry)["name"] == role_name(entry)


CACHEABLE = {
    "collections: [acme.tools]\n": True,
    "collections: [{name: acme.tools, version: '>=1.0.0'}]\n": True,
    "collections: [{name: 'https://h/x.git', type: git, version: %s}]\n" % ("a" * 40): True,
    "collections: [{name: 'https://h/x.git', type: git, version: main}]\n": False,
    "collections: [{name: 'https://h/x.git,main', type: git, version: %s}]\n" % ("a" * 40): False,
    "collections: [{name: 'file:///x', type: git, version: %s}]\n" % ("a" * 40): False,
    "collections: [{name: 'https://h/x.tar.gz', type: url}]\n": False,
    "collections: [{name: acme.tools, type: dir}]\n": False,
    "collections: [{name: acme.tools, source: ./here}]\n": False,
    "roles: [acme.web]\n": True,
    "roles: ['acme.web,1.0']\n": True,
    "roles: [{name: web, src: acme.web, version: 1.0}]\n": True,
    "roles: [{name: web, src: 'https://github.com/o/r', version: %s}]\n" % ("b" * 40): True,
    "roles: [{name: web, src: 'git+https://h/r.git', version: v1.0}]\n": False,
    "roles: [{name: web, src: 'https://h/r.git', scm: git, version: %s}]\n" % ("b" * 40): True,
    "roles: [{name: web, src: 'https://h/r', scm: hg, version: %s}]\n" % ("b" * 40): False,
    "roles: [web]\n": False,
}


@pytest.mark.parametrize(("text", "cacheable"), CACHEABLE.items())
def test_only_what_cannot_change_is_cached(tmp_path: Path, text: str, cacheable: bool) -> None:
    requirements = find(write(tmp_path, {"requirements.yml": text}), tmp_path)
    assert requirements
    assert requirements.cacheable is cacheable


async def test_an_entry_stays_while_an_operation_has_its_files(operations: Operations, server: Galaxy) -> None:
    files = {"requirements.yml": f"collections: [{{name: acme.tools, source: '{server.url}'}}]\n"}
    installed = await operations.install(files)
    none_unused = Cache(operations.cache.root, unused_after=-1)
    await asyncio.to_thread(none_unused.remove_unused)
    assert installed.is_dir()
    await asyncio.to_thread(shutil.rmtree, operations.directory / "operation-1")
    await asyncio.to_thread(none_unused.remove_unused)
    assert not installed.exists()
