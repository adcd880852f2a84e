"""Rules between the keys of the configuration.

The rules read the plain values, not the models, so that they are checked even while another key has a fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bot.config import access_rules, aws_rules, custom_rules, image_rules, input_rules, secret_rules
from bot.config.document import is_list_of_texts, keys_of, texts_of
from bot.config.models.deploy import DEPLOY_SECTIONS
from bot.config.models.environment import TERRAFORM_RUNNERS
from bot.config.part_rules import check_parts
from bot.config.ref_rules import check_conditions
from bot.config.validation_faults import did_you_mean
from bot.config.values import PART

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.config.document import Document
    from bot.config.part_rules import AddFault
    from bot.config.parts import Inherited


class _Scope(NamedTuple):
    """An environment under a rule: its name and values, all environments, and the document that takes the faults."""

    document: Document
    name: str
    values: Mapping[str, object]
    inherited: Inherited
    access: Mapping[str, object]

    @property
    def all(self) -> Mapping[str, object]:
        return self.inherited.environments

    def fault(self, *keys: str | int, problem: str) -> None:
        self.document.fault(self.inherited.written_at(self.document, ("environments", self.name, *keys)), problem)


def check(document: Document, inherited: Inherited) -> None:
    """Add the faults between keys to the document's faults; `inherited` has the environments and their parts."""
    top, environments = keys_of(document.data), inherited.environments
    access = keys_of(top.get("access"))
    for name, values in environments.items():
        if isinstance(values, dict):
            at = _Scope(document, name, values, inherited, access)
            for rule in _RULES:
                rule(at)

    def add_fault(keys: tuple[str | int, ...], problem: str) -> None:
        document.fault(inherited.written_at(document, keys), problem)

    access_rules.check(top, environments, add_fault)
    check_parts(environments, add_fault)
    _after_cycles(environments, add_fault)
    aws_rules.check(top, environments, add_fault)
    input_rules.check(environments, add_fault)
    custom_rules.check(top, environments, add_fault)
    _promote_cycles(environments, add_fault)
    image_rules.check(top, environments, document.fault)
    secret_rules.check(top, environments, add_fault)


def _deploy_runner(at: _Scope) -> None:
    deploy = at.values.get("deploy")
    if not isinstance(deploy, dict):
        return  # missing or not a mapping: another fault
    runners = [f"`{key}`" for key in DEPLOY_SECTIONS if deploy.get(key) is not None]
    if not runners:
        at.fault("deploy", problem=f"has no runner; add {' or '.join(f'`{key}`' for key in DEPLOY_SECTIONS)}")
    if len(runners) > 1:
        at.fault("deploy", problem=f"has two runners, {' and '.join(runners[:2])}; keep one")


def _terraform_runner(at: _Scope) -> None:
    terraform = at.values.get("terraform")
    if not isinstance(terraform, dict):
        return
    runners = [f"`{key}`" for key in TERRAFORM_RUNNERS if terraform.get(key) is not None]
    if not runners:
        at.fault("terraform", problem="has no runner; add `directory`, `terragrunt` or `hcp`")
    if len(runners) > 1:
        at.fault("terraform", problem=f"has two runners, {' and '.join(runners[:2])}; keep one")
    if runners == ["`terragrunt`"] and terraform.get("backend_config"):
        problem = "is for `directory`; remove it: the units' remote_state has the backend"
        at.fault("terraform", "backend_config", problem=problem)


def _machines(at: _Scope) -> None:
    if not is_list_of_texts(at.values.get("machines")):
        return
    machines = texts_of(at.values.get("machines"))
    for twice in sorted({machine for machine in machines if machines.count(machine) > 1}):
        at.fault("machines", problem=f"lists {twice} twice; remove one")
    deploy = keys_of(at.values.get("deploy"))
    reaching = [
        key for key, settings in DEPLOY_SECTIONS.items() if settings.reaches_hosts and deploy.get(key) is not None
    ]
    if not machines and reaching:
        at.fault("machines", problem=f"is empty, but {reaching[0]} deploys to machines; list them")
    for machine in keys_of(at.values.get("daemons")):
        if machine not in machines:
            problem = f"{machine} is not in the environment's `machines`{did_you_mean(machine, machines)}"
            at.fault("daemons", machine, problem=problem)


def _inventory(at: _Scope) -> None:
    """Hosts of the team's own inventory have no console that EC2 keeps."""
    ansible = keys_of(keys_of(at.values.get("deploy")).get("ansible"))
    if ansible.get("inventory") is not None and ansible.get("host_keys") == "console":
        problem = "reads EC2's console, and `inventory` lists hosts of any kind; keep one"
        at.fault("deploy", "ansible", "host_keys", problem=problem)
    if ansible.get("inventory") is not None and ansible.get("inventory_vars") is not None:
        problem = "has variables for EC2's hosts, and `inventory` has its own beside it; keep one"
        at.fault("deploy", "ansible", "inventory_vars", problem=problem)


# Keys that say which host keys count, and what they exclude.
_WRITTEN_TWICE = {"known_hosts": "host_keys", "known_hosts_file": "known_hosts"}


def _ways_to_hosts(at: _Scope) -> None:
    """Sessions reach instances by their ids alone, and one key says which host keys count."""
    ansible = keys_of(keys_of(at.values.get("deploy")).get("ansible"))
    ssh = keys_of(ansible.get("ssh"))
    for key, other in _WRITTEN_TWICE.items():
        if ssh.get(key) is not None and (ansible.get(other) if other == "host_keys" else ssh.get(other)) is not None:
            at.fault(
                "deploy", "ansible", "ssh", key, problem=f"excludes `{other}`: both say which host keys count; keep one"
            )
    if ssh.get("known_hosts_file") is not None and ansible.get("inventory") is None:
        problem = "needs `inventory`: commands for EC2's hosts read no commit; write the lines under `known_hosts`"
        at.fault("deploy", "ansible", "ssh", "known_hosts_file", problem=problem)
    if ssh.get("session_manager") is not True:
        return
    if ssh.get("bastion") is not None:
        at.fault("deploy", "ansible", "ssh", "session_manager", problem="excludes `bastion`; keep one")
    if ansible.get("address") is not None:
        problem = "has no effect with `ssh.session_manager`, which reaches instances by their ids; remove it"
        at.fault("deploy", "ansible", "address", problem=problem)


def _variables(at: _Scope) -> None:
    """A variable has a single source."""
    ansible = keys_of(keys_of(at.values.get("deploy")).get("ansible"))
    for twice in _both(ansible, "extra_vars", "secret_vars"):
        at.fault("deploy", "ansible", "secret_vars", twice, problem="is also in extra_vars; keep one")
    terraform = keys_of(at.values.get("terraform"))
    for twice in _both(terraform, "environment", "secret_environment"):
        at.fault("terraform", "secret_environment", twice, problem="is also in environment; keep one")


def _both(values: Mapping[str, object], first: str, second: str) -> list[str]:
    others = keys_of(values.get(first))
    return [key for key in keys_of(values.get(second)) if key in others]


def _approvers(at: _Scope) -> None:
    approval = keys_of(at.values.get("approval"))
    required = approval.get("required", 1)
    if isinstance(required, bool) or not isinstance(required, int):
        return
    # An apply always needs an approval, even where a deploy needs none.
    required = max(required, 1 if at.values.get("terraform") is not None else 0)
    if required < 1:
        return
    own = approval.get("approvers")
    written = own if own is not None else at.access.get("approvers")
    if not is_list_of_texts(written):
        return
    people = texts_of(written) if own is not None else access_rules.approvers(at.access, at.name)
    keys = ("approval", "approvers") if own is not None else ("approval",)
    if not people:
        need = "needs approval" if approval.get("required") != 0 else "needs approval for an apply"
        problem = f"{need}, but nobody can approve; add approvers here or under access"
        at.fault(*keys, problem=problem)
    elif not any(person.startswith("usergroup:") for person in people) and len(set(people)) < required:
        at.fault(
            *keys,
            problem=f"needs {required} approvers, but only {len(set(people))} can approve; add approvers or lower `required`",
        )


def _refs(at: _Scope) -> None:
    def add_fault(keys: tuple[str | int, ...], problem: str) -> None:
        at.fault(*keys, problem=problem)

    check_conditions(add_fault, ("refs",), keys_of(at.values.get("refs")))


def _after(at: _Scope) -> None:
    after = at.values.get("after")
    if not isinstance(after, str):
        return
    if after == at.name:
        at.fault("after", problem="is the environment itself; name another environment")
    elif after not in at.all:
        at.fault("after", problem=f"{after} is not an environment{did_you_mean(after, at.all)}")
    elif keys_of(at.all[after]).get("deploy") is None:
        services = [name for name in at.all if name.startswith(f"{after}{PART}") and "deploy" in keys_of(at.all[name])]
        instead = f"name one of its services: {', '.join(services)}" if services else "name one that is deployed"
        at.fault("after", problem=f"{after} is not deployed as a whole, so it never runs a ref; {instead}")


def _promote(at: _Scope) -> None:
    promote = keys_of(at.values.get("promote"))
    if promote.get("from") is not None and promote.get("from") == promote.get("to"):
        at.fault("promote", "to", problem="is the same branch as `from`; name another branch")
    repositories = [text.lower() for text in texts_of(promote.get("repositories"))]
    for twice in sorted({repository for repository in repositories if repositories.count(repository) > 1}):
        at.fault("promote", "repositories", problem=f"lists {twice} twice; remove one")


def _after_cycles(environments: Mapping[str, object], add_fault: AddFault) -> None:
    links = {name: keys_of(values).get("after") for name, values in environments.items()}
    for name in links:
        cycle = _cycle(links, name)
        # Reported once, at the first environment of the cycle; an environment after itself has a rule of its own.
        if len(cycle) > 1 and name == next(link for link in links if link in cycle):
            problem = f"is a cycle ({' after '.join((*cycle, name))}); remove one `after`"
            add_fault(("environments", name, "after"), problem)


def _cycle(links: Mapping[str, object], start: str) -> list[str]:
    """The names from a name back to itself; empty without a cycle."""
    path, current = [start], links.get(start)
    while isinstance(current, str) and current in links and current not in path:
        path.append(current)
        current = links[current]
    return path if current == start else []


def _promote_cycles(environments: Mapping[str, object], add_fault: AddFault) -> None:
    """Two environments must not merge the same repository's branches into each other."""
    merges: dict[tuple[str, str, str], str] = {}
    for name, values in environments.items():
        promote = keys_of(keys_of(values).get("promote"))
        source, target = promote.get("from"), promote.get("to")
        if not isinstance(source, str) or not isinstance(target, str):
            continue
        for repository in texts_of(promote.get("repositories")):
            other = merges.get((repository, target, source))
            if other and other != name:
                problem = f"is a cycle ({other} merges {target} into {source} of {repository}); remove one `promote`"
                add_fault(("environments", name, "promote"), problem)
            merges[(repository, source, target)] = name


_RULES: tuple[Callable[[_Scope], None], ...] = (
    _deploy_runner,
    _terraform_runner,
    _machines,
    _inventory,
    _ways_to_hosts,
    _variables,
    _approvers,
    _refs,
    _after,
    _promote,
)
