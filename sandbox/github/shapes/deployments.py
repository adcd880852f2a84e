"""Deployments, their statuses and environments in the shape of GitHub's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.shapes.common import api_of, node_id, number_of, stamp, user

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.github.records import Deployment, DeploymentStatus
    from sandbox.github.repository import Repository
    from sandbox.github.web import Json


def deployment(base: str, repository: Repository, one: Deployment) -> Json:
    """One deployment."""
    here = f"{api_of(base, repository)}/deployments/{one.deployment_id}"
    changed = one.statuses[-1].at if one.statuses else one.created_at
    return {
        "url": here,
        "id": one.deployment_id,
        "node_id": node_id("DE", one.deployment_id),
        "task": one.task,
        "original_environment": one.environment,
        "environment": one.statuses[-1].environment if one.statuses else one.environment,
        "description": one.description,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(changed),
        "statuses_url": f"{here}/statuses",
        "repository_url": api_of(base, repository),
        "creator": user(base, one.creator),
        "sha": one.sha,
        "ref": one.ref,
        "payload": one.payload,
        "transient_environment": one.transient,
        "production_environment": one.production,
        "performed_via_github_app": None,
    }


def status(base: str, repository: Repository, of: Deployment, one: DeploymentStatus) -> Json:
    """One thing that was said of a deployment."""
    here = f"{api_of(base, repository)}/deployments/{of.deployment_id}"
    return {
        "url": f"{here}/statuses/{one.status_id}",
        "id": one.status_id,
        "node_id": node_id("DES", one.status_id),
        "state": one.state,
        "creator": user(base, one.creator),
        "description": one.description,
        "environment": one.environment,
        "target_url": one.log_url,
        "created_at": stamp(one.at),
        "updated_at": stamp(one.at),
        "deployment_url": here,
        "repository_url": api_of(base, repository),
        "environment_url": one.environment_url,
        "log_url": one.log_url,
        "performed_via_github_app": None,
    }


def environment(base: str, repository: Repository, name: str, made: datetime) -> Json:
    """One environment without rules."""
    number = number_of(f"{repository.full_name}/{name}")
    return {
        "id": number,
        "node_id": node_id("EN", number),
        "name": name,
        "url": f"{api_of(base, repository)}/environments/{name}",
        "html_url": f"{base}/{repository.full_name}/deployments/activity_log?environments_filter={name}",
        "created_at": stamp(made),
        "updated_at": stamp(made),
        "can_admins_bypass": True,
        "protection_rules": [],
        "deployment_branch_policy": None,
    }
