"""HCP Terraform: create a run, follow it, read its plan, confirm exactly that plan, or discard it."""

from runners.hcp.apply_run import confirm, follow_apply
from runners.hcp.configuration import upload_configuration
from runners.hcp.plans import plan_text, read_plan, wait_for_plan
from runners.hcp.runs import (
    cancel,
    create_run,
    discard,
    fetched_commit,
    find_run,
    follow_run,
    literal,
    read_run,
    who_decided,
)
from runners.hcp.workspaces import check_usable, organization_names, workspace_names, workspace_of

__all__ = [
    "cancel",
    "check_usable",
    "confirm",
    "create_run",
    "discard",
    "fetched_commit",
    "find_run",
    "follow_apply",
    "follow_run",
    "literal",
    "organization_names",
    "plan_text",
    "read_plan",
    "read_run",
    "upload_configuration",
    "wait_for_plan",
    "who_decided",
    "workspace_names",
    "workspace_of",
]
