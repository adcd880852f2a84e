"""`make audit` and `make sbom`: what they report of requirements.lock."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests import audit

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
HASH = "0" * 64
SMALL = f"aiohttp==3.8.0 \\\n    --hash=sha256:{HASH}\nrapidfuzz==3.0.0 \\\n    --hash=sha256:{HASH}\n"
# An answer in the form of https://google.github.io/osv.dev/post-v1-query/
FLAW = {
    "id": "GHSA-planted",
    "summary": "planted",
    "affected": [
        {
            "package": {"name": "aiohttp", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.8.6"}]}],
        }
    ],
}


@contextmanager
def advisories(status: int, *, vulnerable: str = "") -> Iterator[str]:
    """The address of a source of advisories that answers so."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            content = json.dumps({"vulns": [FLAW]} if asked["package"]["name"] == vulnerable else {}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.lock"
    path.write_text(SMALL)
    return path


def test_a_known_vulnerability_fails(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with advisories(200, vulnerable="aiohttp") as source:
        assert audit.main(lock, source) == 1
    assert capsys.readouterr().out.splitlines() == [
        "aiohttp 3.8.0: GHSA-planted, fixed in 3.8.6",
        "make audit: 2 packages, 1 vulnerabilities",
    ]


def test_without_a_known_vulnerability_it_succeeds(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with advisories(200) as source:
        assert audit.main(lock, source) == 0
    assert capsys.readouterr().out == "make audit: 2 packages, 0 vulnerabilities\n"


@pytest.mark.parametrize("status", [0, 403, 503])
def test_advisories_that_cannot_be_reached_are_one_line(
    lock: Path, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    with advisories(status) as source:
        address = source if status else "http://127.0.0.1:9/v1/query"
        assert audit.main(lock, address) == 0
    expected = f"make audit: the advisories at {address} cannot be reached; nothing was checked\n"
    assert capsys.readouterr().out == expected


def test_a_lock_that_cannot_be_read_fails(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock.write_text("aiohttp>=3\n")
    with advisories(200) as source:
        assert audit.main(lock, source) == 1
    assert capsys.readouterr().err


def sbom(lock: Path, output: Path) -> str:
    (command,) = re.findall(
        r"^\t@?(\$\(BIN\)/python -W ignore -m cyclonedx_py .*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE
    )
    argv = command.replace("$(BIN)/python", sys.executable).replace("requirements.lock", str(lock)).split()
    argv[argv.index("sbom.cdx.json")] = str(output)
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True)
    return output.read_text()


@pytest.mark.slow("cyclonedx reads a lock with thousands of hashes")
def test_the_sbom_is_valid_and_has_what_the_lock_pins(tmp_path: Path) -> None:
    text = sbom(ROOT / "requirements.lock", tmp_path / "sbom.json")
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"bomFormat"', '"form"')) is not None, "the schema is read"
    listed = {(each["name"], each["version"]) for each in json.loads(text)["components"]}
    pins = re.findall(
        r"^([\w.-]+)(?:\[.*?\])?==([^\s;]+)", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE
    )
    assert listed == set(pins)


def test_the_sbom_of_the_same_lock_is_the_same(lock: Path, tmp_path: Path) -> None:
    assert sbom(lock, tmp_path / "1.json") == sbom(lock, tmp_path / "2.json")
