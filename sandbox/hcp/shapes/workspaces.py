"""Workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.hcp.shapes.common import VERSION, related, user_id

if TYPE_CHECKING:
    from sandbox.hcp.model import Workspace
    from sandbox.hcp.web import Json


def workspace(linked: Workspace, *, may_run: bool) -> Json:
    """A workspace."""
    current = linked.current
    return {
        "id": linked.id,
        "type": "workspaces",
        "attributes": {
            "actions": {"is-destroyable": True},
            "allow-destroy-plan": True,
            "auto-apply": linked.auto_apply,
            "created-at": "2024-01-08T09:00:00.000Z",
            "description": None,
            "execution-mode": "remote",
            "file-triggers-enabled": True,
            "global-remote-state": False,
            "locked": linked.locked_by is not None or (current is not None and current.status != "pending"),
            "locked-reason": linked.locked_reason,
            "name": linked.name,
            "operations": True,
            "permissions": _permissions(may_run=may_run),
            "queue-all-runs": False,
            "resource-count": 0,
            "source": "tfe-api",
            "speculative-enabled": True,
            "structured-run-output-enabled": linked.structured,
            "terraform-version": VERSION,
            "trigger-prefixes": [],
            "updated-at": "2024-01-08T09:00:00.000Z",
            "vcs-repo": _repository(linked),
            "vcs-repo-identifier": linked.repository,
            "working-directory": linked.working_directory,
        },
        "relationships": {
            "organization": related("organizations", linked.organization),
            "current-run": related("runs", current.id if current else None),
            "latest-run": related("runs", linked.runs[-1].id if linked.runs else None),
            "locked-by": _locked_by(linked),
        },
        "links": {"self": f"/api/v2/organizations/{linked.organization}/workspaces/{linked.name}"},
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
