"""Packages of the npm registry that tests read, got by npm itself from wherever it is set up to get them; kept in .cache."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.programs import npm

CACHE = Path(__file__).parent.parent / ".cache" / "npm"
TIMEOUT = 120  # seconds


@dataclass(frozen=True)
class NpmPackage:
    """A package at one version; `integrity` is npm's: the SHA-512 of its archive, in Base64."""

    name: str
    version: str
    integrity: str

    def archive(self) -> Path:
        """The package as a .tgz. Where it cannot be had the test is skipped, or fails where CI is set."""
        path = CACHE / f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"
        if not self._is_whole(path):
            self._fetch()
        if not self._is_whole(path):
            pytest.fail(f"{self.name} {self.version} is not the archive that it was")
        return path

    def _is_whole(self, path: Path) -> bool:
        if not path.is_file():
            return False
        digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
        return f"sha512-{digest}" == self.integrity

    def _fetch(self) -> None:
        CACHE.mkdir(parents=True, exist_ok=True)
        argv = (str(npm()), "pack", f"{self.name}@{self.version}", "--ignore-scripts", "--pack-destination", str(CACHE))
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT, cwd=CACHE, check=False)
            problem = done.stderr.strip()[-500:] if done.returncode else ""
        except subprocess.TimeoutExpired:
            problem = f"no answer within {TIMEOUT} seconds"
        if problem and os.environ.get("CI") in {"true", "1"}:
            pytest.fail(f"npm did not bring {self.name}: {problem}")
        if problem:
            pytest.skip(f"npm did not bring {self.name}: {problem}")
