"""The content of the repositories at the start of the sandbox: fixed commits, so that IDs and links stay the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import fleet
from sandbox.github.commits import Author, CommitGraph

if TYPE_CHECKING:
    from collections.abc import Mapping

INFRASTRUCTURE = "PermanentOrg/infrastructure"
APPLICATION = "PermanentOrg/application"
# The last applied commit of the infrastructure, where an environment is behind.
LAST_APPLIED = "last-applied"
# The branch whose image workflow has inputs for machines and environments.
BUILD_SOME = "build-some"
ANA = Author("Ana Duarte", "ana@lineside.example", "ana-duarte")
LEE = Author("Lee Park", "lee@lineside.example", "lee-park")
MAX = Author("Max Weber", "max@lineside.example", "max-weber")

Seed = Callable[[CommitGraph], None]
_FILES = Path(__file__).parent.parent / "infrastructure"
_BRANCHES = Path(__file__).parent.parent / "branches"


def sandbox_repositories() -> dict[str, Seed]:
    """The two repositories of the sandbox: the infrastructure and the application that runs on it."""
    return {INFRASTRUCTURE: infrastructure, APPLICATION: application}


def infrastructure_files(root: Path = _FILES) -> dict[str, str]:
    """The newest files of the infrastructure repository, or the files of a branch, by path."""
    paths = sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_text() for path in paths}


def infrastructure(graph: CommitGraph) -> None:
    """Main with eight commits; staging at the commit that rolls staging out; dev and build-some one ahead of main."""
    newest = infrastructure_files()
    older = {**newest, **_images(2), **_session_keys(3)}
    machines = _under(older, "instances/", "README.md")
    graph.commit("main", machines, "Describe the machines of the three environments", LEE, _at(2, 9, 12))
    builds = _under(older, "images/", ".github/workflows/build", "bin/notify", "provisioners/image")
    graph.commit("main", builds, "Build an image for each machine and environment", ANA, _at(2, 15, 40))
    deploys = _under(older, "provisioners/", ".github/workflows/deploy", ".github/workflows/restart", "bin/inventory")
    graph.commit("main", deploys, "Deploy code with a playbook for each machine", LEE, _at(4, 10, 5))
    graph.commit(
        "main", _under(older, ".github/workflows/checks"), "Check the formatting on every push", MAX, _at(9, 8, 31)
    )
    graph.commit("main", _images(3), "Roll out the images of 14 November everywhere", ANA, _at(14, 16, 22))
    graph.tag(LAST_APPLIED, "main")
    graph.commit(
        "main", _of(newest, "dev"), "Roll out the new images in dev, renew its session key", ANA, _at(18, 9, 50)
    )
    graph.commit(
        "main", _of(newest, "staging"), "Roll out the new images in staging, renew its session key", ANA, _at(19, 11, 3)
    )
    graph.branch("staging", "main")
    graph.commit("main", newest, "Roll out the new backend image in production", LEE, _at(20, 14, 17))
    graph.branch("dev", "main")
    path = f"{fleet.DIRECTORIES['dev']}/main.tf"
    larger = newest[path].replace('taskrunner = "t3.medium"', 'taskrunner = "t3.large"')
    graph.commit("dev", {path: larger}, "Try a larger taskrunner in dev", MAX, _at(20, 17, 45))
    graph.branch(BUILD_SOME, "main")
    graph.commit(BUILD_SOME, _build_some(newest), "Choose which images to build", LEE, _at(21, 10, 30))


def _build_some(newest: Mapping[str, str]) -> dict[str, str]:
    """The image workflow with inputs, and templates that tag their resources with the run's ID."""
    run_id = 'variable "run_id" {\n  default = env("GITHUB_RUN_ID")\n}\n\nlocals {'
    tags = '{ Name = "Packer Builder", GITHUB_RUN_ID = var.run_id }'
    marked = {
        path: text.replace("locals {", run_id).replace('{ Name = "Packer Builder" }', tags)
        for path, text in _under(newest, "images/").items()
    }
    return {**marked, **infrastructure_files(_BRANCHES / BUILD_SOME)}


def _images(generation: int) -> dict[str, str]:
    return {
        f"{directory}/images.auto.tfvars.json": _json(
            {"images": {name: fleet.Image(environment, name, generation).image_id for name in fleet.MACHINES}}
        )
        for environment, directory in fleet.DIRECTORIES.items()
    }


def _session_keys(generation: int) -> dict[str, str]:
    directories = fleet.DIRECTORIES.values()
    return {
        f"{directory}/session.auto.tfvars.json": _json({"session_key_generation": generation})
        for directory in directories
    }


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def _of(files: Mapping[str, str], environment: str) -> dict[str, str]:
    return _under(files, f"{fleet.DIRECTORIES[environment]}/")


def _under(files: Mapping[str, str], *prefixes: str) -> dict[str, str]:
    return {path: text for path, text in files.items() if path.startswith(prefixes)}


def _at(day: int, hour: int, minute: int) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def application(graph: CommitGraph) -> None:
    """The application: staging two commits ahead of main, dev three ahead of staging."""
    graph.commit(
        "main", {"README.md": "# application\n", "src/upload.php": _php("upload")}, "Take uploads", LEE, _at(3, 9, 0)
    )
    graph.commit("main", {"src/search.php": _php("search")}, "Search by name", ANA, _at(5, 13, 20))
    graph.branch("staging", "main")
    graph.commit("staging", {"src/share.php": _php("share")}, "Share an archive by link", MAX, _at(10, 10, 10))
    graph.commit("staging", {"src/search.php": _php("search", 2)}, "Find names with accents", ANA, _at(12, 15, 30))
    graph.branch("dev", "staging")
    graph.commit("dev", {"src/upload.php": _php("upload", 2)}, "Resume an upload that was cut off", LEE, _at(17, 9, 25))
    graph.commit("dev", {"src/share.php": _php("share", 2)}, "Let links expire", MAX, _at(18, 16, 5))
    graph.commit(
        "dev",
        {"migrations/0042_links.sql": "ALTER TABLE link ADD expires_at DATETIME;\n"},
        "Store when a link expires",
        MAX,
        _at(19, 10, 40),
    )


def _php(name: str, version: int = 1) -> str:
    return f"<?php\n// {name}\nconst VERSION = {version};\n"
