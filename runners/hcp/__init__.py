"""HCP Terraform: start a run, follow it, read its plan, confirm exactly that plan, or discard it."""

from runners.hcp.ending import cancel, dismiss
from runners.hcp.following import commit_sha, read, watch, who_decided
from runners.hcp.planning import wait_for_plan
from runners.hcp.starting import create_run, find_run
from runners.hcp.workspaces import check_usable, workspace_of

__all__ = [
    "cancel",
    "check_usable",
    "commit_sha",
    "create_run",
    "dismiss",
    "find_run",
    "read",
    "wait_for_plan",
    "watch",
    "who_decided",
    "workspace_of",
]
