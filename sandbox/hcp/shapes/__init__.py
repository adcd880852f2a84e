"""The model's objects as JSON:API resources. Pure."""

from sandbox.hcp.shapes.checks import cost_estimate, policy_check, task_result, task_stage
from sandbox.hcp.shapes.common import user
from sandbox.hcp.shapes.configurations import configuration, ingress
from sandbox.hcp.shapes.runs import comment, events, run, stage
from sandbox.hcp.shapes.workspaces import organization, workspace

__all__ = [
    "comment",
    "configuration",
    "cost_estimate",
    "events",
    "ingress",
    "organization",
    "policy_check",
    "run",
    "stage",
    "task_result",
    "task_stage",
    "user",
    "workspace",
]
