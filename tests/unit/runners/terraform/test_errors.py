"""What Terraform prints when something is wrong, and what people read of it."""

from __future__ import annotations

import json
import textwrap

import pytest
from hypothesis import given, strategies as st

from runners.errors import AccessDeniedError, RunnerError, StalePlanError, StateLockedError, UnavailableError
from runners.results import Diagnostic
from runners.terraform import errors as terraform_errors

LOCKED = """Error message: resource temporarily unavailable
Lock Info:
  ID:        6741213b-d566-2ec1-f459-eb5b044a1395
  Path:      terraform.tfstate
  Operation: OperationTypeApply
  Who:       ana@lineside
  Version:   1.11.4
  Created:   2026-11-23 14:11:46.885761976 +0000 UTC
  Info:


Terraform acquires a state lock to protect the state from being written
by multiple users at the same time."""

VERSION = """Initializing the backend...

Error: Unsupported Terraform Core version

  on main.tf line 2, in terraform:
   2:   required_version = ">= 9.0"

This configuration does not support Terraform version 1.11.4. To proceed,
either choose another supported Terraform version or update this version
constraint.
"""

NETWORK = """
Error: Failed to query available provider packages

Could not retrieve the list of available versions for provider hashicorp/aws:
could not connect to registry.terraform.io: failed to request discovery
document: Get "https://registry.terraform.io/.well-known/terraform.json":
dial tcp: lookup registry.terraform.io: no such host

To see which modules are currently depending on hashicorp/aws and what
versions are specified, run the following command:
    terraform providers
"""

NO_VERSION = """
Error: Failed to query available provider packages

Could not retrieve the list of available versions for provider hashicorp/aws:
no available releases match the given constraints 99.0.0
"""

MODULE = """
Error: Failed to download module

  on main.tf line 1:
   1: module "x" { source = "git::https://git.example/nope.git" }

Could not download module "x" (main.tf:1) source code from
"git::https://git.example/nope.git": error downloading
'https://git.example/nope.git': /usr/bin/git exited with 128: Cloning into
'.terraform/modules/x'...
fatal: unable to access 'https://git.example/nope.git/': Failed to connect to
git.example port 443 after 0 ms: Couldn't connect to server
"""

SYNTAX = """
Error: Terraform encountered problems during initialisation, including problems
with the configuration, described below.

The Terraform configuration must be valid before initialization so that
Terraform can determine which modules and providers need to be installed.


Error: Invalid expression

  on main.tf line 2, in resource "terraform_data" "a":
   2:   input =

Expected the start of an expression, but found an invalid expression token.
"""

CREDENTIALS = """
Error: No valid credential sources found

Please see https://developer.hashicorp.com/terraform/language/backend/s3
for more information about providing credentials.
"""

BOXED = """\x1b[31m╷\x1b[0m\x1b[0m
\x1b[31m│\x1b[0m \x1b[0m\x1b[1m\x1b[31mError: \x1b[0m\x1b[0m\x1b[1mInvalid value\x1b[0m
\x1b[31m│\x1b[0m \x1b[0m
\x1b[31m│\x1b[0m \x1b[0m  on vars.tf line 12, in variable "size":
\x1b[31m│\x1b[0m \x1b[0m  12:   validation {
\x1b[31m│\x1b[0m \x1b[0m
\x1b[31m│\x1b[0m \x1b[0mNot a size.
\x1b[31m╵\x1b[0m\x1b[0m
"""


def explained(*diagnostics: Diagnostic, tail: str = "") -> RunnerError:
    return terraform_errors.explain("planning", 1, diagnostics, version="terraform 1.11.4", tail=tail)


def of_text(text: str) -> RunnerError:
    return explained(*terraform_errors.from_text(text))


def test_a_lock_names_its_holder_its_time_and_its_remedy() -> None:
    error = explained(Diagnostic("error", "Error acquiring the state lock", LOCKED))
    assert isinstance(error, StateLockedError)
    assert error.problem == (
        "ana@lineside has held the state's lock since 2026-11-23 14:11 UTC "
        "(apply, lock 6741213b-d566-2ec1-f459-eb5b044a1395)"
    )
    assert "\nterraform force-unlock 6741213b-d566-2ec1-f459-eb5b044a1395" in error.remedy


def test_a_lock_that_could_not_be_asked_for_is_nobodys() -> None:
    detail = "Error message: operation error DynamoDB: PutItem, AccessDeniedException: not authorized"
    error = explained(Diagnostic("error", "Error acquiring the state lock", detail))
    assert isinstance(error, AccessDeniedError)


@pytest.mark.parametrize("summary", ["Saved plan is stale", "Saved plan does not match the given state"])
def test_a_stale_plan(summary: str) -> None:
    assert isinstance(explained(Diagnostic("error", summary)), StalePlanError)


def test_both_versions_are_named() -> None:
    error = of_text(VERSION)
    assert error.problem == "the code wants Terraform >= 9.0, and this is terraform 1.11.4 (main.tf:2)"
    assert error.remedy


def test_a_provider_that_cannot_be_downloaded() -> None:
    error = of_text(NETWORK)
    assert isinstance(error, UnavailableError)
    assert error.problem.startswith("provider hashicorp/aws cannot be downloaded: ")
    assert error.problem.endswith("no such host")
    assert "mirror" in error.remedy


def test_a_provider_version_that_does_not_exist_is_no_matter_of_the_network() -> None:
    error = of_text(NO_VERSION)
    assert not isinstance(error, UnavailableError)
    assert "no available releases match" in error.problem


def test_a_module_that_cannot_be_downloaded() -> None:
    error = of_text(MODULE)
    assert isinstance(error, UnavailableError)
    assert error.problem.startswith('module "x" cannot be downloaded')


def test_a_fault_in_the_code_shows_its_place_and_its_line() -> None:
    error = of_text(SYNTAX)
    assert error.problem == (
        "Invalid expression (main.tf:2): Expected the start of an expression, but found an invalid expression token."
    )
    assert "main.tf:2\n      input =" in error.log_tail


@pytest.mark.parametrize("reason", ["no space left on device", "file too large", "disk quota exceeded"])
def test_a_full_disk_is_named_wherever_it_is_said(reason: str) -> None:
    for error in (
        explained(Diagnostic("error", "Failed to write", f"write x: {reason}")),
        explained(tail=f"x: {reason}"),
    ):
        assert error.problem == "the disk is full"
        assert error.remedy


@pytest.mark.parametrize(
    ("summary", "detail", "name"),
    [
        ("The terraform-provider-aws_v6.1.0_x5 plugin crashed!", "", "the provider aws crashed"),
        (
            "Plugin did not respond",
            'The plugin encountered an error in provider "registry.terraform.io/hashicorp/aws"',
            "the provider registry.terraform.io/hashicorp/aws crashed",
        ),
        ("Plugin did not respond", "See the logs.", "the provider of a resource crashed"),
        (
            "Failed to load plugin schemas",
            (
                "Error while loading schemas for plugin components: Failed to obtain provider schema: Could not load the "
                "schema for provider example.com/lineside/crash: failed to instantiate provider "
                '"example.com/lineside/crash" to obtain schema: Unrecognized remote plugin message: \nFailed to read any '
                "lines from plugin's stdout."
            ),
            "the provider example.com/lineside/crash crashed",
        ),
    ],
)
def test_a_provider_that_crashed_is_named(summary: str, detail: str, name: str) -> None:
    assert explained(Diagnostic("error", summary, detail)).problem == name


@pytest.mark.parametrize(
    ("code", "problem"), [(-9, r"killed (SIGKILL)"), (-99, "killed (signal 99)"), (1, "with an error")]
)
def test_an_end_without_words_says_how_it_ended(code: int, problem: str) -> None:
    assert problem in terraform_errors.explain("planning", code, (), version="").problem


def test_missing_credentials() -> None:
    error = of_text(CREDENTIALS)
    assert isinstance(error, AccessDeniedError)
    assert error.remedy


def test_a_lock_file_that_does_not_fit() -> None:
    assert "terraform init" in explained(Diagnostic("error", "Provider dependency changes detected")).remedy


def test_a_backend_that_cannot_save_plans() -> None:
    error = explained(Diagnostic("error", "Saving a generated plan is currently not supported"))
    assert "HCP" in error.remedy


def test_text_in_boxes_and_colours_is_read() -> None:
    assert terraform_errors.from_text(BOXED) == [
        Diagnostic("error", "Invalid value", "Not a size.", "vars.tf", 12, "  validation {")
    ]


def test_warnings_alone_explain_nothing_but_the_tail_is_shown() -> None:
    error = explained(Diagnostic("warning", "Deprecated"), tail="panic: oh\n")
    assert error.problem == "terraform ended with an error"
    assert error.log_tail == "panic: oh"


def test_only_diagnostics_are_taken_from_json_lines() -> None:
    diagnostic = {"severity": "error", "summary": "S", "range": {"filename": "a.tf", "start": {"line": 3}}}
    lines = [
        "plain",
        "{cut sh",
        "[1]",
        '{"type": "version"}',
        '{"type": "diagnostic", "diagnostic": 5}',
        json.dumps({"type": "diagnostic", "diagnostic": diagnostic}),
    ]
    assert list(terraform_errors.from_json_lines(lines)) == [Diagnostic("error", "S", "", "a.tf", 3)]


WRAPPED = {
    'Could not download module "network" (main.tf:1) source code from "git::https://git.example.test/m.git?ref=v1": error '
    "downloading 'https://git.example.test/m.git?ref=v1': /usr/bin/git exited with 128: fatal: unable to access "
    "'https://git.example.test/m.git/': Failed to connect to 127.0.0.1 port 1: Couldn't connect to server": (
        "Failed to download module",
        UnavailableError,
    ),
    "Could not load the schema for provider registry.terraform.io/acme/cloud: failed to instantiate provider: Unrecognized "
    "remote plugin message: panic: no": ("Failed to load plugin schemas", RunnerError),
    "storage.NewClient() failed: dialing: google: could not find default credentials.": ("Error", AccessDeniedError),
    "write /tmp/x: no space left on device": ("Failed to write plan file", RunnerError),
}


@given(st.sampled_from(sorted(WRAPPED)), st.integers(20, 200))
def test_a_cause_is_found_wherever_terraform_wraps_its_lines(detail: str, width: int) -> None:
    summary, kind = WRAPPED[detail]
    wrapped = "\n".join(textwrap.wrap(detail, width, break_long_words=False, break_on_hyphens=False))
    errors = terraform_errors.from_text(f"Error: {summary}\n\n{wrapped}\n")
    error = terraform_errors.explain("initialising", 1, errors, version="terraform 1.11.4")
    whole = terraform_errors.explain(
        "initialising", 1, [Diagnostic("error", summary, detail)], version="terraform 1.11.4"
    )
    assert (type(error), error.problem, error.remedy) == (kind, whole.problem, whole.remedy)
    assert error.remedy


@pytest.mark.parametrize(
    ("summary", "detail"),
    [  # internal/encryption and internal/states/statefile/read.go of OpenTofu 1.13-dev
        ("Error refreshing state", "decryption failed for all provided methods\nattempted decryption failed for state"),
        ("Failed to load state", "encountered unencrypted payload without unencrypted method configured"),
        ("Unsupported state file format", "This state file is encrypted and can not be read without an encryption\nconfiguration"),
        ("Unable to fetch encryption key data", "passphrase is too short"),
    ],
)  # fmt: skip
def test_a_state_that_cannot_be_decrypted_names_the_key(summary: str, detail: str) -> None:
    error = explained(Diagnostic("error", summary, detail))
    assert error.problem.startswith(f"the state or plan cannot be decrypted: {summary}")
    assert "terraform.secret_environment" in error.remedy
