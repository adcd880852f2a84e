"""Configuration versions and their commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.hcp.shapes.common import related

if TYPE_CHECKING:
    from sandbox.hcp.model import Configuration
    from sandbox.hcp.web import Json


def configuration(version: Configuration, upload_url: str | None) -> Json:
    """A configuration version; only its creator gets the upload URL."""
    return {
        "id": version.id,
        "type": "configuration-versions",
        "attributes": {
            "auto-queue-runs": version.auto_queue_runs,
            "error": version.error,
            "error-message": version.error,
            "provisional": False,
            "source": version.source,
            "speculative": False,
            "status": version.status,
            "status-timestamps": {},
            **({"upload-url": upload_url} if upload_url else {}),
        },
        "relationships": {
            "ingress-attributes": related("ingress-attributes", f"ia-{version.id[3:]}" if version.fetched else None)
        },
        "links": {"self": f"/api/v2/configuration-versions/{version.id}"},
    }


def ingress(version: Configuration, repository: str, branch: str) -> Json | None:
    """The commit of a configuration version; None for uploaded code."""
    if version.fetched is None:
        return None
    page = f"https://github.com/{repository}/commit/{version.fetched.sha}"
    return {
        "id": f"ia-{version.id[3:]}",
        "type": "ingress-attributes",
        "attributes": {
            "branch": branch,
            "clone-url": f"https://github.com/{repository}.git",
            "commit-message": version.fetched.message,
            "commit-sha": version.fetched.sha,
            "commit-url": page,
            "identifier": repository,
            "is-pull-request": False,
            "on-default-branch": True,
            "pull-request-number": None,
            "sender-username": None,
            "tag": None,
        },
    }
