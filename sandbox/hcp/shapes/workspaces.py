"""Workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.hcp.shapes.common import VERSION, related, user_id

if TYPE_CHECKING:
    from sandbox.hcp.model import Workspace
    from sandbox.hcp.web import Json


def organization(name: str) -> Json:
    """An organization; its id is its name."""
    return {
        "id": name,
        "type": "organizations",
        "attributes": {
            "name": name,
            "external-id": f"org-{name}",
            "created-at": "2024-01-08T09:00:00.000Z",
            "email": f"infra@{name.lower()}.example",
            "collaborator-auth-policy": "password",
            "cost-estimation-enabled": False,
            "plan-expired": False,
            "default-execution-mode": "remote",
            "permissions": {"can-update": False, "can-destroy": False, "can-create-workspace": False},
        },
        "links": {"self": f"/api/v2/organizations/{name}"},
    }


def workspace(model: Workspace, *, may_run: bool) -> Json:
    """A workspace."""
    current = model.current
    return {
        "id": model.id,
        "type": "workspaces",
        "attributes": {
            "actions": {"is-destroyable": True},
            "allow-destroy-plan": True,
            "auto-apply": model.auto_apply,
            "created-at": "2024-01-08T09:00:00.000Z",
            "description": None,
            "execution-mode": "remote",
            "file-triggers-enabled": True,
            "global-remote-state": False,
            "locked": model.locked_by is not None or (current is not None and current.status != "pending"),
            "locked-reason": model.locked_reason,
            "name": model.name,
            "operations": True,
            "permissions": _permissions(may_run=may_run),
            "queue-all-runs": False,
            "resource-count": 0,
            "source": "tfe-api",
            "speculative-enabled": True,
            "structured-run-output-enabled": model.structured,
            "terraform-version": VERSION,
            "trigger-prefixes": [],
            "updated-at": "2024-01-08T09:00:00.000Z",
            "vcs-repo": _repository(model),
            "vcs-repo-identifier": model.repository,
            "working-directory": model.working_directory,
        },
        "relationships": {
            "organization": related("organizations", model.organization),
            "current-run": related("runs", current.id if current else None),
            "latest-run": related("runs", model.runs[-1].id if model.runs else None),
            "locked-by": _locked_by(model),
        },
        "links": {"self": f"/api/v2/organizations/{model.organization}/workspaces/{model.name}"},
    }


def _permissions(*, may_run: bool) -> Json:
    return {
        "can-destroy": False,
        "can-force-unlock": False,
        "can-lock": may_run,
        "can-queue-apply": may_run,
        "can-queue-destroy": False,
        "can-queue-run": may_run,
        "can-read-settings": True,
        "can-unlock": may_run,
        "can-update": may_run,
        "can-update-variable": may_run,
    }


def _repository(workspace: Workspace) -> Json | None:
    if workspace.repository is None:
        return None
    return {
        "branch": workspace.branch,
        "display-identifier": workspace.repository,
        "identifier": workspace.repository,
        "ingress-submodules": False,
        "repository-http-url": f"https://github.com/{workspace.repository}",
        "service-provider": "github",
    }


def _locked_by(workspace: Workspace) -> Json:
    if workspace.locked_by:
        return related("users", user_id(workspace.locked_by))
    current = workspace.current
    return related("runs", current.id if current and current.status != "pending" else None)
