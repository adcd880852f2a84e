"""The contexts of expressions, as far as a simulated run has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.github.expressions import Secrets, Unknown, UnknownValueError, Value, resolved, to_text
from sandbox.github.expressions.values import MASK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.github.expressions import Contexts
    from sandbox.github.play.scope import Scope
    from sandbox.github.runs import Run
    from sandbox.github.workflow_model import JobFile

_RUNNER: Mapping[str, Value] = {
    "name": "GitHub Actions 7",
    "os": "Linux",
    "arch": "X64",
    "environment": "github-hosted",
    "temp": "/home/runner/work/_temp",
    "tool_cache": "/opt/hostedtoolcache",
}


@dataclass(slots=True)
class RepositorySettings:
    """What runs take from the repository's settings, and what a person says in place of a runner.

    `outputs` are of jobs whose scripts do not run here, by workflow file, job and name. `actions` are `owner/name` of
    actions that are played as steps without an effect, beside those that the stand-in knows.
    """

    full_name: str
    default_branch: str
    variables: dict[str, str] = field(default_factory=dict)
    outputs: dict[tuple[str, str, str], str] = field(default_factory=dict)
    actions: set[str] = field(default_factory=set)


def github(run: Run, settings: RepositorySettings, job: str = "") -> dict[str, Value]:
    """The context `github`."""
    owner, _, name = settings.full_name.partition("/")
    repository: dict[str, Value] = {
        "full_name": settings.full_name,
        "name": name,
        "default_branch": settings.default_branch,
        "owner": {"login": owner},
    }
    sender: dict[str, Value] = {"login": run.actor}
    event: dict[str, Value] = {"repository": repository, "sender": sender, "ref": f"refs/heads/{run.branch}"}
    if run.event == "workflow_dispatch":
        event["inputs"] = dict(run.inputs)
    if run.event == "push":
        event |= {"head_commit": {"id": run.commit.sha, "message": run.commit.message}, "after": run.commit.sha}
    return {
        "sha": run.commit.sha,
        "ref": f"refs/heads/{run.branch}",
        "ref_name": run.branch,
        "ref_type": "branch",
        "actor": run.actor,
        "triggering_actor": run.triggering_actor,
        "event_name": run.event,
        "event": event,
        "run_id": str(run.run_id),
        "run_number": str(run.number),
        "run_attempt": str(run.attempt),
        "repository": settings.full_name,
        "repository_owner": owner,
        "workflow": run.file.name,
        "job": job,
        "head_ref": "",
        "base_ref": "",
        "token": MASK,
        "workspace": f"/home/runner/work/{name}/{name}",
        "server_url": "https://github.com",
        "api_url": "https://api.github.com",
    }


def typed_inputs(run: Run) -> dict[str, Value]:
    """The inputs of the dispatch as the context `inputs` has them; none for other events, whatever the defaults are."""
    if run.event != "workflow_dispatch":
        return {}
    return {item.name: item.typed(run.inputs.get(item.name)) for item in run.file.inputs or ()}


def of_job(run: Run, settings: RepositorySettings, scope: Scope, file: JobFile) -> dict[str, Value]:
    """The contexts of a job before its matrix is known."""
    return {
        "github": github(run, settings, file.key),
        "inputs": dict(scope.inputs),
        "vars": dict(settings.variables),
        "needs": scope.needs(file),
        "secrets": Secrets(),
        "matrix": None,
        "strategy": {"fail-fast": True, "job-index": 0, "job-total": 1, "max-parallel": 1},
    }


def of_steps(contexts: Contexts, *environments: Value) -> dict[str, Value]:
    """The contexts of a job's steps; `environments` are `env:` of the workflow and of the job."""
    result: dict[str, Value] = {**contexts, "runner": dict(_RUNNER), "job": {"status": "success"}, "steps": {}}
    return with_environment({**result, "env": {}}, *environments)


def with_environment(contexts: Contexts, *environments: Value) -> dict[str, Value]:
    """The contexts with more in `env`. Raises ExpressionError for an expression that GitHub refuses."""
    env: dict[str, Value] = dict(mapping(contexts.get("env")))
    for environment in environments:
        available = {**contexts, "env": dict(env)}
        written = mapping(resolved(environment, available) if isinstance(environment, str) else environment)
        env.update({name: _resolved(value, available) for name, value in written.items()})
    return {**contexts, "env": env}


def mapping(value: Value) -> Mapping[str, Value]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def resolved_each(written: Mapping[str, Value], contexts: Contexts) -> dict[str, Value]:
    """Each value with its expressions evaluated; one that only a runner could know is Unknown."""
    return {name: _resolved(value, contexts) for name, value in written.items()}


def resolved_texts(written: Mapping[str, Value], contexts: Contexts) -> dict[str, Value]:
    """The outputs of a job, an action or a workflow: texts, or Unknown."""
    values = resolved_each(written, contexts)
    return {name: value if isinstance(value, Unknown) else to_text(value) for name, value in values.items()}


def _resolved(written: Value, contexts: Contexts) -> Value:
    try:
        return resolved(written, contexts)
    except UnknownValueError as error:
        return Unknown(str(error))
