"""Configuration versions, and the commits that they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.hcp.shapes.common import related

if TYPE_CHECKING:
    from sandbox.hcp.model import Configuration
    from sandbox.hcp.web import Json


def configuration(found: Configuration, upload_url: str | None) -> Json:
    """A configuration version; where to upload is told only to whoever made it."""
    return {
        "id": found.id,
        "type": "configuration-versions",
        "attributes": {
            "auto-queue-runs": found.auto_queue_runs,
            "error": found.error,
            "error-message": found.error,
            "provisional": False,
            "source": found.source,
            "speculative": False,
            "status": found.status,
            "status-timestamps": {},
            **({"upload-url": upload_url} if upload_url else {}),
        },
        "relationships": {
            "ingress-attributes": related("ingress-attributes", f"ia-{found.id[3:]}" if found.fetched else None)
        },
        "links": {"self": f"/api/v2/configuration-versions/{found.id}"},
    }


def ingress(found: Configuration, repository: str, branch: str) -> Json | None:
    """Which commit a configuration version is of; None for one that was uploaded."""
    if found.fetched is None:
        return None
    page = f"https://github.com/{repository}/commit/{found.fetched.sha}"
    return {
        "id": f"ia-{found.id[3:]}",
        "type": "ingress-attributes",
        "attributes": {
            "branch": branch,
            "clone-url": f"https://github.com/{repository}.git",
            "commit-message": found.fetched.message,
            "commit-sha": found.fetched.sha,
            "commit-url": page,
            "identifier": repository,
            "is-pull-request": False,
            "on-default-branch": True,
            "pull-request-number": None,
            "sender-username": None,
            "tag": None,
        },
    }
