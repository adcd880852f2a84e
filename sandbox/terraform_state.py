"""The Terraform state at the sandbox's start, in the form that Terraform writes."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Any

from sandbox import fleet
from sandbox.github.commits import CommitGraph
from sandbox.github.seed import INFRASTRUCTURE, LAST_APPLIED, sandbox_repositories

if TYPE_CHECKING:
    from pathlib import Path

# The commits of the last applies: dev is up to date.
_APPLIED = {"dev": "main", "staging": LAST_APPLIED, "prod": LAST_APPLIED}
_INSTANCE_TYPES = {
    "dev": {"backend": "t3.medium", "cron": "t3.small", "taskrunner": "t3.medium", "sftp": "t3.small"},
    "staging": {"backend": "t3.medium", "cron": "t3.small", "taskrunner": "t3.medium", "sftp": "t3.small"},
    "prod": {"backend": "m5.large", "cron": "t3.small", "taskrunner": "m5.large", "sftp": "t3.small"},
}
_PROVIDER = 'provider["terraform.io/builtin/terraform"]'
Json = dict[str, Any]


def database_password(environment: str) -> str:
    """The default of the variable `database_password`, which is sensitive: it must appear in no message."""
    return f"{fleet.DIRECTORIES[environment].rpartition('/')[2]}-password-of-the-sandbox"


def session_key(environment: str, generation: int) -> str:
    """The value of the session key, which is sensitive, too."""
    return hashlib.sha256(f"{database_password(environment)}/{generation}".encode()).hexdigest()


def write_state(path: Path, environment: str) -> None:
    """Write the state of an environment to `path`, with mode 0600.

    dev has everything applied, so a plan has no changes. staging and prod have the commit `last-applied`, so a plan of
    main replaces machines.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(state(environment), indent=2) + "\n")


def state(environment: str) -> Json:
    """The state in Terraform's format 4. Tests make a plan from it with a real terraform."""
    graph = CommitGraph()
    sandbox_repositories()[INFRASTRUCTURE](graph)
    files = graph.resolve(_APPLIED[environment]).files
    directory = fleet.DIRECTORIES[environment]
    images: dict[str, str] = json.loads(files[f"{directory}/images.auto.tfvars.json"])["images"]
    generation: int = json.loads(files[f"{directory}/session.auto.tfvars.json"])["session_key_generation"]
    key = {"generation": generation, "value": session_key(environment, generation)}
    machines = [_machine(environment, name, image) for name, image in sorted(images.items())]
    return {
        "version": 4,
        "terraform_version": "1.5.0",
        "serial": 12,
        "lineage": _id(environment, "lineage"),
        "outputs": _outputs(environment, images),
        "resources": [_session_key(_id(environment, "session_key"), key), *machines],
        "check_results": None,
    }


def _outputs(environment: str, images: dict[str, str]) -> Json:
    server = f"database.{environment}.internal/permanent"
    url = f"mysql://{environment}:{database_password(environment)}@{server}"
    return {
        "database_url": {"value": url, "type": "string", "sensitive": True},
        "images": {"value": images, "type": _type(images)},
    }


def _session_key(resource_id: str, key: Json) -> Json:
    secret = [[{"type": "get_attr", "value": "input"}, {"type": "get_attr", "value": "value"}]]
    return _resource("session_key", _attributes(resource_id, key, None), secret)


def _machine(environment: str, name: str, image: str) -> Json:
    server = {
        "name": f"{environment}-{name}",
        "type": f"{environment} {name}",
        "image_id": image,
        "instance_type": _INSTANCE_TYPES[environment][name],
    }
    attributes = _attributes(_id(environment, name), server, {"value": image, "type": "string"})
    return {"module": f'module.machine["{name}"]', **_resource("server", attributes, [])}


def _attributes(resource_id: str, value: Json, triggers: Json | None) -> Json:
    dynamic = {"value": value, "type": _type(value)}
    return {"id": resource_id, "input": dynamic, "output": dynamic, "triggers_replace": triggers}


def _resource(name: str, attributes: Json, sensitive: list[Any]) -> Json:
    instance = {"schema_version": 0, "attributes": attributes, "sensitive_attributes": sensitive}
    return {"mode": "managed", "type": "terraform_data", "name": name, "provider": _PROVIDER, "instances": [instance]}


def _type(value: Json) -> list[Any]:
    kinds = {key: "number" if isinstance(field, int) else "string" for key, field in sorted(value.items())}
    return ["object", kinds]


def _id(environment: str, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sandbox/{environment}/{name}"))
