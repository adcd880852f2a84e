"""Workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.hcp.shapes.common import VERSION, related, user_id

if TYPE_CHECKING:
    from sandbox.hcp.model import Workspace
    from sandbox.hcp.web import Json


def workspace(found: Workspace, *, may_run: bool) -> Json:
    """A workspace."""
    current = found.current
    return {
        "id": found.id,
        "type": "workspaces",
        "attributes": {
            "actions": {"is-destroyable": True},
            "allow-destroy-plan": True,
            "auto-apply": found.auto_apply,
            "created-at": "2024-01-08T09:00:00.000Z",
            "description": None,
            "execution-mode": "remote",
            "file-triggers-enabled": True,
            "global-remote-state": False,
            "locked": found.locked_by is not None or (current is not None and current.status != "pending"),
            "locked-reason": found.locked_reason,
            "name": found.name,
            "operations": True,
            "permissions": _permissions(may_run=may_run),
            "queue-all-runs": False,
            "resource-count": 0,
            "source": "tfe-api",
            "speculative-enabled": True,
            "structured-run-output-enabled": found.structured,
            "terraform-version": VERSION,
            "trigger-prefixes": [],
            "updated-at": "2024-01-08T09:00:00.000Z",
            "vcs-repo": _repository(found),
            "vcs-repo-identifier": found.repository,
            "working-directory": found.working_directory,
        },
        "relationships": {
            "organization": related("organizations", found.organization),
            "current-run": related("runs", current.id if current else None),
            "latest-run": related("runs", found.runs[-1].id if found.runs else None),
            "locked-by": _locked_by(found),
        },
        "links": {"self": f"/api/v2/organizations/{found.organization}/workspaces/{found.name}"},
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


def _repository(found: Workspace) -> Json | None:
    if found.repository is None:
        return None
    return {
        "branch": found.branch,
        "display-identifier": found.repository,
        "identifier": found.repository,
        "ingress-submodules": False,
        "repository-http-url": f"https://github.com/{found.repository}",
        "service-provider": "github",
    }


def _locked_by(found: Workspace) -> Json:
    if found.locked_by:
        return related("users", user_id(found.locked_by))
    current = found.current
    return related("runs", current.id if current and current.status != "pending" else None)
