"""What no single key can tell: how the parts of the configuration fit together.

The rules read the plain values, not the models, so that they speak up even while another key is still wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bot.config.models.deploy import BACKENDS as DEPLOY_BACKENDS
from bot.config.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.config.document import Document


class _At(NamedTuple):
    """One environment as written: its name, its values, all environments, and where to note what is wrong."""

    document: Document
    name: str
    values: Mapping[str, object]
    all: Mapping[str, object]
    access: Mapping[str, object]

    def fault(self, *keys: str, problem: str) -> None:
        self.document.fault(("environments", self.name, *keys), problem)


def check(document: Document) -> None:
    """Adds the faults between keys to the document's faults."""
    top = _keys(document.data)
    environments, access = _keys(top.get("environments")), _keys(top.get("access"))
    for name, values in environments.items():
        if isinstance(values, dict):
            at = _At(document, name, values, environments, access)
            for rule in _RULES:
                rule(at)
    _after_cycles(document, environments)
    _promote_cycles(document, environments)
    _images(document, top, environments)


def _keys(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, tuple) else ()


def _is_readable(value: object) -> bool:
    """Whether a list of texts is missing or is one; if it is neither, that is said, and nothing follows from it."""
    return value is None or (isinstance(value, tuple) and all(isinstance(one, str) for one in value))


def _one_deploy_runner(at: _At) -> None:
    deploy = at.values.get("deploy")
    if not isinstance(deploy, dict):
        return  # missing, or no keys: said already
    runners = [f"`{key}`" for key in DEPLOY_BACKENDS if deploy.get(key) is not None]
    if not runners:
        at.fault("deploy", problem=f"names no runner; give it {' or '.join(f'`{key}`' for key in DEPLOY_BACKENDS)}")
    if len(runners) > 1:
        at.fault("deploy", problem=f"names two runners, {' and '.join(runners[:2])}; keep one")


def _one_terraform_runner(at: _At) -> None:
    terraform = at.values.get("terraform")
    if not isinstance(terraform, dict):
        return
    runners = [key for key in ("directory", "hcp") if terraform.get(key) is not None]
    if not runners:
        at.fault("terraform", problem="names no runner; give it `directory` or `hcp`")
    if len(runners) > 1:
        at.fault("terraform", problem="names two runners, `directory` and `hcp`; keep one")


def _machines(at: _At) -> None:
    if not _is_readable(at.values.get("machines")):
        return
    machines = _texts(at.values.get("machines"))
    for twice in sorted({one for one in machines if machines.count(one) > 1}):
        at.fault("machines", problem=f"lists {twice} twice")
    deploy = _keys(at.values.get("deploy"))
    reaching = [
        key for key, settings in DEPLOY_BACKENDS.items() if settings.reaches_hosts and deploy.get(key) is not None
    ]
    if not machines and reaching:
        at.fault("machines", problem=f"lists none, but {reaching[0]} deploys to machines; list them")
    for machine in _keys(at.values.get("daemons")):
        if machine not in machines:
            problem = f"{machine} is not among the environment's machines{did_you_mean(machine, machines)}"
            at.fault("daemons", machine, problem=problem)


def _variables(at: _At) -> None:
    """A variable has one source."""
    ansible = _keys(_keys(at.values.get("deploy")).get("ansible"))
    for twice in _both(ansible, "extra_vars", "secret_vars"):
        at.fault("deploy", "ansible", "secret_vars", twice, problem="is among extra_vars as well; keep one")
    terraform = _keys(at.values.get("terraform"))
    for twice in _both(terraform, "environment", "secret_environment"):
        at.fault("terraform", "secret_environment", twice, problem="is among environment as well; keep one")


def _both(values: Mapping[str, object], first: str, second: str) -> list[str]:
    others = _keys(values.get(first))
    return [key for key in _keys(values.get(second)) if key in others]


def _inputs(at: _At) -> None:
    actions = _keys(_keys(at.values.get("deploy")).get("github_actions"))
    inputs, mark = _keys(actions.get("inputs")), actions.get("mark_input")
    if isinstance(mark, str) and mark in inputs:
        at.fault("deploy", "github_actions", "mark_input", problem=f"{mark} is among inputs as well; keep one")
    if len(inputs) + (mark is not None) > 25:
        at.fault("deploy", "github_actions", "inputs", problem="are more than 25; GitHub takes no more")


def _somebody_approves(at: _At) -> None:
    approval = _keys(at.values.get("approval"))
    required = approval.get("required", 1)
    if isinstance(required, bool) or not isinstance(required, int):
        return
    # An apply asks one person even where approval is not required.
    required = max(required, 1 if at.values.get("terraform") is not None else 0)
    if required < 1:
        return
    own = approval.get("approvers")
    written = own if own is not None else at.access.get("approvers")
    if not _is_readable(written):
        return
    people = _texts(written)
    keys = ("approval", "approvers") if own is not None else ("approval",)
    if not people:
        what = "needs approval" if approval.get("required") != 0 else "needs approval for an apply"
        problem = f"{what}, but nobody may give it; name approvers here or under access"
        at.fault(*keys, problem=problem)
    elif not any(one.startswith("usergroup:") for one in people) and len(set(people)) < required:
        at.fault(*keys, problem=f"needs {required} people to approve, but only {len(set(people))} may")


def _after(at: _At) -> None:
    after = at.values.get("after")
    if not isinstance(after, str):
        return
    if after == at.name:
        at.fault("after", problem="names the environment itself")
    elif after not in at.all:
        at.fault("after", problem=f"{after} is no environment{did_you_mean(after, at.all)}")


def _promote(at: _At) -> None:
    promote = _keys(at.values.get("promote"))
    if promote.get("from") is not None and promote.get("from") == promote.get("to"):
        at.fault("promote", "to", problem="is the branch that it is merged from")
    repositories = [text.lower() for text in _texts(promote.get("repositories"))]
    for twice in sorted({repository for repository in repositories if repositories.count(repository) > 1}):
        at.fault("promote", "repositories", problem=f"lists {twice} twice")


def _after_cycles(document: Document, environments: Mapping[str, object]) -> None:
    links = {name: _keys(values).get("after") for name, values in environments.items()}
    for name in links:
        circle = _circle(links, name)
        # Said once, at the first of them in the file; "itself" is said by its own rule.
        if len(circle) > 1 and name == next(link for link in links if link in circle):
            problem = "goes in a circle: " + " after ".join((*circle, name))
            document.fault(("environments", name, "after"), problem)


def _circle(links: Mapping[str, object], start: str) -> list[str]:
    """The way from a name back to itself, or nothing."""
    way, current = [start], links.get(start)
    while isinstance(current, str) and current in links and current not in way:
        way.append(current)
        current = links[current]
    return way if current == start else []


def _promote_cycles(document: Document, environments: Mapping[str, object]) -> None:
    """Two environments must not merge the same repository's branches into each other."""
    seen: dict[tuple[str, str, str], str] = {}
    for name, values in environments.items():
        promote = _keys(_keys(values).get("promote"))
        source, target = promote.get("from"), promote.get("to")
        if not isinstance(source, str) or not isinstance(target, str):
            continue
        for repository in _texts(promote.get("repositories")):
            other = seen.get((repository, target, source))
            if other and other != name:
                problem = f"goes in a circle: {other} merges {target} into {source} of {repository}"
                document.fault(("environments", name, "promote"), problem)
            seen[(repository, source, target)] = name


def _images(document: Document, top: Mapping[str, object], environments: Mapping[str, object]) -> None:
    if not all(_is_readable(_keys(values).get("machines")) for values in environments.values()):
        return
    machines = {machine for values in environments.values() for machine in _texts(_keys(values).get("machines"))}
    for machine in _keys(_keys(top.get("images")).get("ami_name_tag")):
        if machine not in machines | {"*"}:
            problem = f"{machine} is no machine of any environment{did_you_mean(machine, machines)}"
            document.fault(("images", "ami_name_tag", machine), problem)


_RULES: tuple[Callable[[_At], None], ...] = (
    _one_deploy_runner,
    _one_terraform_runner,
    _machines,
    _variables,
    _inputs,
    _somebody_approves,
    _after,
    _promote,
)
