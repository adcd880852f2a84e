"""Deploy backends: each section of the configuration has one, and arguments that it does not take are refused."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bot.config.models.deploy import DEPLOY_SECTIONS
from bot.errors import UserError
from handlers.deploy import workflow
from handlers.deploy.backend import BACKENDS, DeployBackend, backend_of

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from tests.unit.handlers.conftest import Desk


def test_each_section_of_the_configuration_has_a_backend() -> None:
    assert set(BACKENDS) == set(DEPLOY_SECTIONS)


def test_an_environment_has_the_backend_of_its_section(desk: Desk) -> None:
    titles = {name: backend_of(each).title(each) for name, each in desk.config.environments.items()}
    assert titles == {"dev": "GitHub Actions d.yml", "staging": "Ansible", "prod": "GitHub Actions d.yml"}


@pytest.mark.parametrize("argument", ["check", "machines", "hosts"])
async def test_a_check_or_a_part_never_becomes_a_whole_deploy_when_the_configuration_changes(
    desk: Desk, argument: str
) -> None:
    """The command was accepted while the environment was deployed by Ansible."""
    record = SimpleNamespace(arguments={"ref": "main", argument: "backend"})
    operation = SimpleNamespace(environment=desk.config.environments["dev"], record=record)
    with pytest.raises(UserError, match=r"dev deploys through GitHub Actions d\.yml, which takes no"):
        await workflow._verified(cast("Operation", operation), "main")


def test_the_backend_in_the_docs_has_the_names_of_the_protocol() -> None:
    page = (Path(__file__).parents[4] / "docs" / "extending.md").read_text()
    (module,) = re.findall(r"```python\n(# handlers/deploy/push/backend\.py\n.*?)```", page, flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(module, names)  # noqa: S102  -- the page is ours
    wanted = {*DeployBackend.__annotations__, *(name for name in vars(DeployBackend) if not name.startswith("_"))}
    assert len(wanted) > 5
    assert wanted <= set(names)
