"""The made-up repositories of tests/repositories, and their worlds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.own import own_repository
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.aws import AwsHandle
    from sandbox.github import Repository
    from sandbox.own import Own
    from sandbox.world import World

ROOT = Path(__file__).parents[1] / "repositories"
STYLES = sorted(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("_"))
_SERVICES = {"lanternworks/api": "api", "lanternworks/web": "web"}
VAULT_PASSWORD = "correct horse battery"


def directory_of(style: str) -> Path:
    """Where its signalbox.yaml is."""
    return ROOT / style / "infra" if style == "services" else ROOT / style


def repository_of(style: str) -> Own:
    """The repository as `python -m sandbox --repository` takes it; Ansible's hosts are directories, since nothing answers there."""
    neighbours = {name: ROOT / style / folder for name, folder in _SERVICES.items()} if style == "services" else {}
    own = own_repository(directory_of(style), neighbours)
    for name, environment in own.config["environments"].items():
        ansible: dict[str, Any] | None = (environment.get("deploy") or {}).get("ansible")
        if ansible:
            disks = f"{{files}}/machines/{name}"
            ansible |= {"connection": "local", "extra_vars": {"disks": disks}}
            environment["isolation"] = {"writable": [disks]}
    return own


def options_of(style: str, aws: AwsHandle) -> Options:
    """For its world; the sandbox gives every secret the same word, and a vault has its own."""
    own = repository_of(style)
    uses_aws = {"aws": aws} if own.config.get("aws") else {"without_aws": True}
    environment = {"ANSIBLE_VAULT_PASSWORD": VAULT_PASSWORD, "GITHUB_WEBHOOK_SECRET": ""}
    return Options(own=own, speed=200.0, environment=environment, **uses_aws)


def repository_in(world: World) -> Repository:
    """The infrastructure repository."""
    assert world.options.own
    return world.github.repository(world.options.own.repository)
