"""Deployments, their statuses and environments in the shape of GitHub's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.shapes.common import api_of, node_id, number_of, stamp, user

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.github.records import Deployment, DeploymentStatus
    from sandbox.github.repository import Repository
    from sandbox.github.web import Json


def deployment(base: str, repository: Repository, record: Deployment) -> Json:
    """A deployment."""
    here = f"{api_of(base, repository)}/deployments/{record.deployment_id}"
    changed = record.statuses[-1].at if record.statuses else record.created_at
    return {
        "url": here,
        "id": record.deployment_id,
        "node_id": node_id("DE", record.deployment_id),
        "task": record.task,
        "original_environment": record.environment,
        "environment": record.statuses[-1].environment if record.statuses else record.environment,
        "description": record.description,
        "created_at": stamp(record.created_at),
        "updated_at": stamp(changed),
        "statuses_url": f"{here}/statuses",
        "repository_url": api_of(base, repository),
        "creator": user(base, record.creator),
        "sha": record.sha,
        "ref": record.ref,
        "payload": record.payload,
        "transient_environment": record.transient,
        "production_environment": record.production,
        "performed_via_github_app": None,
    }


def status(base: str, repository: Repository, of: Deployment, status_record: DeploymentStatus) -> Json:
    """A status of a deployment."""
    here = f"{api_of(base, repository)}/deployments/{of.deployment_id}"
    return {
        "url": f"{here}/statuses/{status_record.status_id}",
        "id": status_record.status_id,
        "node_id": node_id("DES", status_record.status_id),
        "state": status_record.state,
        "creator": user(base, status_record.creator),
        "description": status_record.description,
        "environment": status_record.environment,
        "target_url": status_record.log_url,
        "created_at": stamp(status_record.at),
        "updated_at": stamp(status_record.at),
        "deployment_url": here,
        "repository_url": api_of(base, repository),
        "environment_url": status_record.environment_url,
        "log_url": status_record.log_url,
        "performed_via_github_app": None,
    }


def environment(base: str, repository: Repository, name: str, made: datetime) -> Json:
    """An environment without rules."""
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
