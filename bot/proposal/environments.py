"""The lines of each environment: how it is deployed, and where its Terraform is."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from bot.config.values import HCP_NAME
from bot.proposal.text import comment, entry, value
from bot.proposal.workflows import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.proposal.facts import Facts, Stage
    from bot.proposal.playbooks import Ansible
    from bot.proposal.terraform import Root
    from bot.proposal.workflows import Workflow

LONGEST = 32  # characters of the name of an environment or of a part with its environment's
MOST_MACHINES = 12  # playbooks for each machine; more are for other things
_HCP_NAME = re.compile(HCP_NAME)
KEY = "ANSIBLE_PRIVATE_KEY"
VAULT = "ANSIBLE_VAULT_PASSWORD"


def lines(facts: Facts, branch: str) -> Iterator[str]:
    """Those below `environments:`; `branch` is the default branch where it is not `main`."""
    for stage in facts.stages:
        yield f"  {value(stage.name)}:" + ("   # nothing here names an environment" if facts.guessed else "")
        if stage.aliases:
            yield entry("aliases", list(stage.aliases), indent=4)
        if machines := _machines(facts):
            yield entry("machines", machines, indent=4)
        deploy, terraform = list(_deploy(facts, stage, branch)), list(_terraform(facts, stage, branch))
        yield from deploy
        yield from terraform
        yield entry("approval", {"required": 1}, indent=4)
    for name, root in _without_stage(facts):
        if _settings(name, root, {}, branch):
            yield f"  {value(name)}:"
            yield from _planned(name, root, {}, branch)
            yield entry("approval", {"required": 1}, indent=4)
        else:
            yield from _remarks(root, left_out=True, indent=2)


def _machines(facts: Facts) -> list[str]:
    if facts.ansible and _has_machines(facts.ansible):
        return list(facts.ansible.machines)
    inputs = [each.machine_input for each in facts.by_purpose(Purpose.BUILD)]
    return list(dict.fromkeys(option for each in inputs if each for option in each.options if option != "all"))


def _has_machines(ansible: Ansible) -> bool:
    return 0 < len(ansible.machines) <= MOST_MACHINES


def _deploy(facts: Facts, stage: Stage, branch: str) -> Iterator[str]:
    workflows = [each for each in facts.by_purpose(Purpose.DEPLOY) if _serves(each, facts, stage)]
    own = [each for each in workflows if stage.key in each.stages]
    chosen = own or workflows
    if len(chosen) == 1:
        yield entry("deploy", {"github_actions": _by_workflow(chosen[0], stage, branch)}, indent=4)
    elif chosen:
        yield "    deploy:"
        yield "      services:"
        for each in chosen:
            yield entry(
                _service(each, stage),
                {"github_actions": _by_workflow(each, stage, branch)},
                indent=8,
                comment=each.title,
            )
    yield from _by_ansible(facts, stage, branch, beside=bool(chosen))


def _serves(workflow: Workflow, facts: Facts, stage: Stage) -> bool:
    """Whether it deploys to this environment: by its input, by its name, or because there is no other environment."""
    if stage.key in workflow.stages:
        return True
    if workflow.stage_input and not workflow.stage_input.options:
        return True
    return not workflow.stages and len(facts.stages) == 1


def _service(workflow: Workflow, stage: Stage) -> str:
    words = [word for word in workflow.words.lower().replace("_", "-").split("-") if word]
    remaining = [
        word
        for word in words
        if word not in {"deploy", "release", "to", *(each.lower() for each in (stage.name, *stage.aliases))}
    ]
    return _name("-".join(remaining) or workflow.words, LONGEST - len(stage.name) - 1)


def _by_workflow(workflow: Workflow, stage: Stage, branch: str) -> dict[str, Any]:
    settings: dict[str, Any] = {"workflow": workflow.file}
    if branch:
        settings["ref"] = branch
    if workflow.stage_input:
        settings["inputs"] = {workflow.stage_input.name: workflow.stages.get(stage.key, stage.name)}
    if given := [each.name for each in workflow.others]:
        settings["command_inputs"] = given
    if workflow.records:
        settings["record"] = False  # a job with `environment:` is recorded by GitHub itself
    return settings


def _by_ansible(facts: Facts, stage: Stage, branch: str, *, beside: bool) -> Iterator[str]:
    ansible = facts.ansible
    if not ansible:
        return
    settings: dict[str, Any] = {"directory": str(ansible.directory), "playbook": ansible.playbook}
    settings |= {"user": ansible.user or "deploy", "private_key_env": KEY}
    if branch:
        settings["ref"] = branch
    if ansible.inventory and (not ansible.stages or stage.key in ansible.stages):
        settings["inventory"] = ansible.inventory
    if ansible.vault:
        settings["vault_password_env"] = VAULT
    text = entry("ansible", settings)
    if beside:
        yield comment(f"Or by Ansible: deploy: {{{text}}}", indent=4)
    elif not _has_machines(ansible):
        yield comment(f"Name the machines that have a role, then: deploy: {{{text}}}", indent=4)
    else:
        yield entry("deploy", {"ansible": settings}, indent=4, comment="" if ansible.user else "guessed: user")


def _terraform(facts: Facts, stage: Stage, branch: str) -> Iterator[str]:
    units = next((path for named, path in facts.code.units.items() if named and named[0] == stage.key), None)
    if units is None and len(facts.stages) == 1:
        units = facts.code.units.get(None)
    if units is not None:
        yield entry("terraform", {"terragrunt": str(units), **({"ref": branch} if branch else {})}, indent=4)
        return
    roots = [root for root in facts.code.roots if _belongs(root, facts, stage)]
    if len(roots) == 1:
        yield from _planned(stage.name, roots[0], _of_stage(roots[0], stage), branch)
    elif roots:
        stacks = list(_stacks(stage, roots, branch))
        if any(not line.lstrip().startswith("#") for line in stacks):
            yield "    terraform:"
            yield "      stacks:"
            yield from stacks
        else:
            yield from (f"    {line.lstrip()}" for line in stacks)


def _belongs(root: Root, facts: Facts, stage: Stage) -> bool:
    if root.stage:
        return root.stage[0] == stage.key
    if root.var_files:
        return stage.key in root.var_files
    return len(facts.stages) == 1 or _by_prefix(root)


def _by_prefix(root: Root) -> bool:
    """Whether its code is for several workspaces of HCP Terraform."""
    return bool(root.backend and root.backend.settings.get("workspaces.prefix"))


def _without_stage(facts: Facts) -> Iterator[tuple[str, Root]]:
    """The directories that belong to no stage where others do: each is an environment of its own."""
    if len(facts.stages) > 1:
        yield from _named(
            [root for root in facts.code.roots if not any(_belongs(root, facts, stage) for stage in facts.stages)]
        )


def _named(roots: list[Root], stage: str = "") -> list[tuple[str, Root]]:
    """A name for each directory: its last part that is no stage, or all parts where two have the same."""
    last = {root.directory: _last(root) for root in roots}
    common = Counter(last.values())
    wholes = [
        last[each.directory] if common[last[each.directory]] == 1 else "-".join(each.directory.parts) for each in roots
    ]
    names: dict[str, Root] = {}
    for root, whole in zip(roots, wholes, strict=True):
        name = _name(whole, LONGEST - len(stage) - 1)
        number = 2
        while name in names:
            name = f"{_name(whole, LONGEST - len(stage) - 4)}-{number}"
            number += 1
        names[name] = root
    return [*names.items()]


def _last(root: Root) -> str:
    return next((part for part in reversed(root.directory.parts) if not root.stage or part != root.stage[1]), "main")


def _name(text: str, longest: int) -> str:
    """A name as the configuration allows it: small letters, digits and dashes, without a number in front ("10-network")."""
    letters = re.sub(r"[^a-z0-9-]+", "-", text.lower()).lstrip("0123456789-")
    return letters[:longest].strip("-") or "main"


def _of_stage(root: Root, stage: Stage) -> dict[str, Any]:
    """What one directory has for each of several environments: a workspace, whose name is a guess, and a file of variables."""
    if stage.key not in root.var_files:
        return {}
    spelling, path = root.var_files[stage.key]
    workspace = {} if root.stage or len(root.var_files) < 2 else {"workspace": spelling}
    return {**workspace, "var_files": [str(path)]}


def _settings(name: str, root: Root, more: dict[str, Any], branch: str) -> dict[str, Any] | None:
    """The keys of `terraform`; None where the code lacks what a plan needs."""
    ref = {"ref": branch} if branch else {}
    backend = root.backend
    if backend and backend.in_hcp:
        organization, workspace = backend.settings.get("organization"), backend.settings.get("workspaces.name")
        if not workspace and (prefix := backend.settings.get("workspaces.prefix")):
            workspace = f"{prefix}{name}"
        named = all(_HCP_NAME.fullmatch(name or "") for name in (organization, workspace))
        return {"hcp": {"organization": organization, "workspace": workspace}} if named else None
    if root.keeps_its_state_here:
        return None
    return {"directory": str(root.directory), **ref, **more}


def _planned(name: str, root: Root, more: dict[str, Any], branch: str) -> Iterator[str]:
    settings = _settings(name, root, more, branch)
    if settings:
        yield entry("terraform", settings, indent=4)
    yield from _remarks(root, left_out=settings is None, indent=4)


def _stacks(stage: Stage, roots: list[Root], branch: str) -> Iterator[str]:
    written: list[dict[str, Any]] = []
    for name, root in _named(roots, stage.name):
        settings = _settings(stage.name, root, _of_stage(root, stage), branch)
        if settings and settings not in written:
            written.append(settings)
            yield entry(name, settings, indent=8)
        yield from _remarks(root, left_out=settings is None, indent=8)


def _remarks(root: Root, *, left_out: bool, indent: int) -> Iterator[str]:
    directory = root.directory
    if left_out and root.backend and root.backend.in_hcp:
        organization = root.backend.settings.get("organization") or "..."
        yield comment(
            f"{directory} is planned by HCP Terraform, but its code names no workspace:"
            f" terraform: {{hcp: {{organization: {organization}, workspace: ...}}}}",
            indent=indent,
        )
    elif left_out:
        yield comment(
            f"{directory} keeps its state beside the code, where a plan cannot find it:"
            " give it a backend, then: terraform: {directory: " + f"{directory}}}",
            indent=indent,
        )
    if root.missing and root.backend:
        keys = ", ".join(f"{key}: ..." for key in root.missing)
        yield comment(f"The backend {root.backend.kind} of {directory} needs backend_config: {{{keys}}}", indent=indent)
    if root.other_files:
        yield comment(f"Other files of variables (var_files): {', '.join(map(str, root.other_files))}", indent=indent)
    if root.tofu:
        yield comment("Its code is for OpenTofu: set terraform.program to tofu for all", indent=indent)
