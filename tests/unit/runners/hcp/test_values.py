"""HCP Terraform's documents as values, its refusals as errors, its logs as counts."""

from __future__ import annotations

import pytest

from runners.errors import AccessDeniedError, NotFoundError, RunnerError, UnavailableError, UncertainError
from runners.hcp import check_usable, log as hcp_log
from runners.hcp.errors import HCP_TERRAFORM, RunConflictError, message_of, plain_log
from runners.hcp.runs import literal
from runners.hcp.values import Phase, decided_by, run_from, workspace_from
from runners.http import Refusal
from sandbox.hcp import shapes
from sandbox.hcp.model import Configuration, Event, Run, Workspace

PAGE = "https://app.terraform.io/app/acme/workspaces/prod"


def workspace(**settings: object) -> Workspace:
    made = Workspace("acme", "prod", "instances/production", None)  # type: ignore[arg-type]
    for name, value in settings.items():
        setattr(made, name, value)
    return made


def run(status: str, *, waits: bool = False) -> Run:
    made = Run(workspace(), "Signalbox #1", Configuration(auto_queue_runs=False), "ana")
    made.status, made.waits = status, waits
    return made


@pytest.mark.parametrize(
    ("status", "waits", "phase"),
    [
        ("pending", False, Phase.PLANNING),
        ("planning", False, Phase.PLANNING),
        ("planned", False, Phase.PLANNING),  # a cost estimate or policies are still to come
        ("planned", True, Phase.WAITING),
        ("cost_estimated", True, Phase.WAITING),
        ("policy_checked", True, Phase.WAITING),
        ("policy_override", True, Phase.OVERRIDE),
        ("confirmed", False, Phase.APPLYING),
        ("applying", False, Phase.APPLYING),
        ("applied", False, Phase.APPLIED),
        ("planned_and_finished", False, Phase.UNCHANGED),
        ("discarded", False, Phase.DISCARDED),
        ("canceled", False, Phase.CANCELED),
        ("force_canceled", False, Phase.CANCELED),
        ("errored", False, Phase.ERRORED),
        ("a_status_of_next_year", False, Phase.UNKNOWN),
    ],
)
def test_each_status_is_a_phase(status: str, waits: bool, phase: Phase) -> None:
    run_state = run_from(shapes.run(run(status, waits=waits)), page=PAGE)
    assert run_state.phase is phase
    assert run_state.url == f"{PAGE}/runs/{run_state.id}"
    assert run_state.phase.ended == (
        phase not in (Phase.PLANNING, Phase.WAITING, Phase.OVERRIDE, Phase.APPLYING, Phase.UNKNOWN)
    )


def test_a_workspace_says_who_locked_it_and_why() -> None:
    document = {
        "data": shapes.workspace(workspace(locked_by="max", locked_reason="freeze"), may_run=True),
        "included": [shapes.user("max")],
    }
    locked = workspace_from(document, "acme")
    assert locked.locked_by == "max (freeze)"
    with pytest.raises(RunnerError, match=r"locked by max \(freeze\)"):
        check_usable(locked)


def test_a_lock_that_a_run_holds_is_none_of_a_persons() -> None:
    busy = workspace()
    busy.runs.append(Run(busy, "by hand", Configuration(auto_queue_runs=False), "max", status="planning"))
    read = workspace_from({"data": shapes.workspace(busy, may_run=True)}, "acme")
    assert read.locked_by is None
    assert read.current_run == busy.runs[0].id
    check_usable(read)


@pytest.mark.parametrize(
    ("settings", "may_run", "error", "remedy"),
    [
        ({"auto_apply": True}, True, RunnerError, "manual apply"),
        ({}, False, AccessDeniedError, "an organization's token cannot"),
    ],
)
def test_a_workspace_is_refused_with_a_remedy(
    settings: dict[str, object], may_run: bool, error: type[RunnerError], remedy: str
) -> None:
    unusable = workspace_from({"data": shapes.workspace(workspace(**settings), may_run=may_run)}, "acme")
    with pytest.raises(error) as raised:
        check_usable(unusable)
    assert remedy in raised.value.remedy


@pytest.mark.parametrize(
    ("status", "changes", "kind"),
    [
        (502, True, UncertainError),
        (503, False, UnavailableError),
        (401, True, AccessDeniedError),
        (403, True, AccessDeniedError),
        (404, False, NotFoundError),
        (409, True, RunConflictError),
        (422, True, RunnerError),
        (429, True, UnavailableError),
        (302, False, RunnerError),
        (418, False, RunnerError),
    ],
)
def test_each_refusal_is_an_error_with_words(status: int, changes: bool, kind: type[RunnerError]) -> None:
    error = HCP_TERRAFORM.error_for(Refusal(status, "no such thing"), "starting a run", changes=changes)
    assert type(error) is kind
    assert error.problem
    if status in (401, 403, 404, 429, 502, 503):
        assert error.remedy


def test_a_rate_limit_names_the_time() -> None:
    error = HCP_TERRAFORM.error_for(Refusal(429, "", {"retry-after": "30"}), "starting a run", changes=True)
    assert isinstance(error, UnavailableError)
    assert not isinstance(error, UncertainError)
    assert error.retry_at is not None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"errors": [{"status": "409", "title": "transition not allowed"}]}, "transition not allowed"),
        ({"errors": [{"title": "invalid", "detail": "Name is taken"}, "and more"]}, "Name is taken; and more"),
        ({"errors": "no list"}, ""),
        (None, ""),
    ],
)
def test_the_words_of_an_error_document(body: object, message: str) -> None:
    assert message_of(body) == message


@pytest.mark.parametrize(
    ("events", "who"),
    [
        ([Event("created", "ana")], None),
        ([Event("created", "ana"), Event("confirmed", "max", "2026-11-23T10:00:00Z")], "max"),
        ([Event("discarded", "lee", "2026-11-23T11:00:00Z"), Event("created", "ana", "2026-11-23T10:00:00Z")], "lee"),
    ],
)
def test_who_settled_a_run(events: list[Event], who: str | None) -> None:
    made = run("discarded")
    made.events = events
    assert decided_by(shapes.events(made)) == who


def test_who_settled_a_run_is_not_guessed_where_the_actor_is_not_told() -> None:
    made = run("discarded")
    made.events = [Event("discarded", "lee")]
    assert decided_by({"data": shapes.events(made)["data"]}) is None


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("ami-1", '"ami-1"'),
        ('say "hi"', '"say \\"hi\\""'),
        ("${var.secret}", '"$${var.secret}"'),
        ("%{ if true }", '"%%{ if true }"'),
        ("é\n", '"é\\n"'),
    ],
)
def test_a_variable_is_a_text_that_terraform_does_not_evaluate(text: str, written: str) -> None:
    assert literal(text) == written


def test_a_log_loses_its_colours_and_marks() -> None:
    assert plain_log("\x02\x1b[1m\x1b[32mApply complete!\x1b[0m\r\n\x03") == "Apply complete!\n"


TEXT = """\x02\x1b[1maws_instance.a: Destroying... [id=i-1]\x1b[0m
aws_instance.a: Destruction complete after 1s
aws_instance.a: Creating...
module.m["x y"].aws_instance.b: Modifying... [id=i-2]
\x1b[31m╷\x1b[0m
\x1b[31m│\x1b[0m \x1b[1m\x1b[31mError: \x1b[0mcould not start\x1b[0m
\x1b[31m│\x1b[0m
\x1b[31m│\x1b[0m   on main.tf line 3, in resource "aws_instance" "a":
\x1b[31m│\x1b[0m    3: resource "aws_instance" "a" {
\x1b[31m╵\x1b[0m
"""


def test_a_log_for_people_is_counted_too() -> None:
    counted = hcp_log.count(TEXT)
    assert counted.destroyed == 1
    assert set(hcp_log.progress(counted, 5).current) == {"aws_instance.a", 'module.m["x y"].aws_instance.b'}
    assert hcp_log.progress(counted, 5).total == 5
    (error,) = hcp_log.diagnostics(TEXT)
    assert (error.summary, error.filename, error.line) == ("could not start", "main.tf", 3)


JSON = (
    '{"@level":"info","@message":"Terraform 1.11.4","type":"version"}\n'
    '{"@level":"info","@message":"aws_instance.a: Creating...","type":"apply_start",'
    '"hook":{"action":"create","resource":{"addr":"aws_instance.a"}}}\n'
    '{"@level":"error","@message":"Error: no capacity","type":"diagnostic",'
    '"diagnostic":{"severity":"error","summary":"no capacity","detail":"in this zone"}}\n'
    "Operation failed: failed running terraform apply (exit 1)\n"
)


def test_structured_output_is_counted_and_read_as_text() -> None:
    assert hcp_log.progress(hcp_log.count(JSON), 1).current == ("aws_instance.a",)
    assert [diagnostic.summary for diagnostic in hcp_log.diagnostics(JSON)] == ["no capacity"]
    text = "aws_instance.a: Creating...\nOperation failed: failed running terraform apply (exit 1)"
    assert hcp_log.for_people(JSON) == text
    assert hcp_log.tail(JSON, 1) == text.splitlines()[-1]
