"""Terragrunt's own errors beside Terraform's, in the form of --log-format key-value."""

from __future__ import annotations

from runners.terraform import errors as terraform_errors

PREFIX = "time=2026-11-29T10:00:00Z level=error prefix=vpc tf-path=terraform msg="
TERRAFORM = "Error: Invalid reference\n\n  on main.tf line 3:\n   3: x = y\n\nThere is no y.\n"


def test_terragrunts_error_is_read_where_terraform_has_none() -> None:
    text = f"time=2026-11-29T10:00:00Z level=warn prefix= tf-path=t msg=Careful\n{PREFIX}Unclosed block\n\n  on terragrunt.hcl\n"
    (error,) = terraform_errors.from_text(text)
    assert (error.severity, error.summary, error.detail) == ("error", "Unclosed block", "on terragrunt.hcl")


def test_terraforms_error_is_not_repeated() -> None:
    (error,) = terraform_errors.from_text(
        f"{TERRAFORM}{PREFIX}Failed to execute terraform plan\n{TERRAFORM}exit status 1\n"
    )
    assert (error.summary, error.filename, error.line) == ("Invalid reference", "main.tf", 3)
    assert "exit status" not in error.detail


def test_an_entry_without_a_message_is_no_error() -> None:
    assert terraform_errors.from_text(f"{PREFIX}\n\n") == []
