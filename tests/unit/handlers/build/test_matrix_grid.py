"""Which job builds which image, by the names of the jobs."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from handlers.build.matrix_grid import arrange, group_of, slot_of
from runners.results import State
from tests.unit.handlers.build.jobs import ENVIRONMENTS, MACHINES, job


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("build (backend, staging)", ("backend", "staging")),
        ("build (staging, backend)", ("backend", "staging")),
        ("build / backend staging", ("backend", "staging")),
        ("Build Backend for Staging", ("backend", "staging")),
        ("backend-staging", ("backend", "staging")),
        ("backend_staging (ubuntu-24.04)", ("backend", "staging")),
        ("build / dev-tools (backend, staging)", ("backend", "staging")),
        ("validate (backend)", None),
        ("deploy (staging)", None),
        ("build (backend, cron, staging)", ("backend", "staging")),
        ("build (cron, prod, backend.example.org)", ("cron", "prod")),
        ("build (backend.example.org, cron, prod)", ("cron", "prod")),
        ("backend / build (cron, staging)", ("cron", "staging")),
        ("build (dev.example.org, cron, prod, staging)", ("cron", "prod")),
        ("build backend cron (staging)", None),
        ("build (backends, staging)", None),
        ("notify", None),
        ("", None),
    ],
)
def test_a_job_s_name_tells_what_it_builds(name: str, place: tuple[str, str] | None) -> None:
    assert slot_of(name, MACHINES, ENVIRONMENTS) == place


def test_names_that_are_parts_of_each_other_are_told_apart() -> None:
    assert slot_of("build (task-runner, prod-eu)", ("task", "task-runner"), ("prod", "prod-eu")) == (
        "task-runner",
        "prod-eu",
    )


def test_of_two_matrices_the_one_that_builds_has_the_grid() -> None:
    smoke = [job("smoke (backend, dev)", State.SUCCEEDED, 1), job("smoke (cron, dev)", State.SUCCEEDED, 2)]
    few = [job("build (backend, dev)", State.RUNNING, 3), job("build (cron, dev)", State.RUNNING, 4)]
    grid = arrange([*smoke, *few], MACHINES, ENVIRONMENTS)
    assert {cell.job_id for cell in grid.cells.values()} == {3, 4}
    assert [other.job_id for other in grid.others] == [1, 2]


@pytest.mark.parametrize(
    ("name", "group"), [("build (a, b)", "build"), ("ci / build (a)", "ci"), ("notify", "notify"), ("(x)", "(x)")]
)
def test_a_matrix_goes_by_its_job(name: str, group: str) -> None:
    assert group_of(name) == group


@given(names=st.lists(st.text(max_size=12), max_size=6), name=st.text(max_size=40))
def test_any_name_has_a_place_or_none(names: list[str], name: str) -> None:
    result = slot_of(name, [item for item in names if item], ENVIRONMENTS)
    assert result is None or result[0] in names


@given(
    data=st.data(),
    machine=st.sampled_from(MACHINES),
    environment=st.sampled_from(ENVIRONMENTS),
    host=st.from_regex(r"[a-z]{1,8}\.example\.(org|com)", fullmatch=True),
)
def test_further_values_of_a_matrix_change_nothing(
    data: st.DataObject, machine: str, environment: str, host: str
) -> None:
    names = st.sampled_from([*MACHINES, *ENVIRONMENTS])
    further = data.draw(st.lists(st.just(host) | names.map(lambda name: f"{name}.example.org"), max_size=3))
    values = data.draw(st.permutations([machine, environment, *further]))
    assert slot_of(f"build ({', '.join(values)})", MACHINES, ENVIRONMENTS) == (machine, environment)
