"""The backend that Terraform code names, however it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runners.terraform.backend_code import Backend, backend_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ('resource "x" "y" {\n  backend "s3" {}\n}', None),
        ('# terraform {\n#   backend "s3" {}\n# }', None),
        ('/* terraform { backend "s3" {} } */', None),
        ('locals {\n  t = <<EOT\nterraform {\n  backend "s3" {}\n}\nEOT\n}', None),
        ('terraform { backend "local" {} }', Backend("local", "main.tf:1")),
        ('terraform {\n  backend "s3" {\n    key = "k" # why\n  }\n}', Backend("s3", "main.tf:2", {"key": "k"})),
        (
            'terraform {\n  required_providers {\n    a = { source = "b/a" }\n  }\n  backend "remote" {\n    organization = "acme"\n\n    workspaces {\n      name = "app"\n    }\n  }\n}',
            Backend("remote", "main.tf:5", {"organization": "acme", "workspaces.name": "app"}),
        ),
        (
            'locals {\n  a = "${jsonencode({ b = "c" })}"\n}\nterraform {\n  cloud {\n    organization = "acme"\n  }\n}',
            Backend("cloud", "main.tf:5", {"organization": "acme"}),
        ),
    ],
)
def test_the_backend_is_read_from_code(text: str, expected: Backend | None, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(text)
    assert backend_of(tmp_path, tmp_path) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"terraform": {"backend": {"s3": {"key": "k"}}}}', Backend("s3", "main.tf.json", {"key": "k"})),
        (
            '{"terraform": [{"cloud": {"organization": "acme", "workspaces": {"name": "app"}}}]}',
            Backend("cloud", "main.tf.json", {"organization": "acme", "workspaces.name": "app"}),
        ),
        ("[]", None),
        ("{", None),
    ],
)
def test_the_backend_is_read_from_json(text: str, expected: Backend | None, tmp_path: Path) -> None:
    (tmp_path / "main.tf.json").write_text(text)
    assert backend_of(tmp_path, tmp_path) == expected
