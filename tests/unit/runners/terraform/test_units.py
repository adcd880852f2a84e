"""The units that a directory has, and their order, as people write them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from runners.terraform.units import place_of, units_in

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = 'terraform {\n  source = "../../../modules/x"\n}\n'
DEPENDENCY = 'dependency "{0}" {{\n  config_path = "{0}"\n}}\n'


def write(root: Path, files: dict[str, str]) -> None:
    """Write files of a repository."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def order_in(root: Path, directory: str = "live/prod") -> dict[str, tuple[str, ...]]:
    """The units below a directory, each with those before it; none is unclear."""
    units = units_in(root / directory, root)
    assert not [unit for unit in units if unit.unclear]
    return {unit.name: unit.after for unit in units}


@pytest.mark.parametrize(
    "app",
    [
        DEPENDENCY.format("../network/vpc"),
        'dependency "vpc" {\n  config_path = "${get_terragrunt_dir()}/../network/vpc/"\n}\n',
        'dependency "vpc" {\n  config_path = "${get_repo_root()}/live/prod/network/vpc"\n}\n',
        'dependency "vpc" {\n  config_path = "../network/vpc/terragrunt.hcl"\n}\n',
        'locals {\n  vpc = "../network/vpc"\n}\ndependency "vpc" {\n  config_path = local.vpc\n}\n',
        'dependencies {\n  paths = [\n    "../network/vpc",  # first\n    "../../global/dns",\n  ]\n}\n',
        'include "root" {\n  path = find_in_parent_folders("root.hcl")\n}\ninclude "common" {\n  path = "${dirname(find_in_parent_folders("root.hcl"))}/_common/app.hcl"\n}\n',
    ],
    ids=["relative", "own directory", "root", "file", "local", "dependencies", "include"],
)
def test_each_way_to_name_a_dependency(app: str, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "root.hcl": 'remote_state {\n  backend = "s3"\n}\n',
            "_common/app.hcl": 'dependency "vpc" {\n  config_path = "${get_terragrunt_dir()}/../network/vpc"\n}\n',
            "live/prod/network/vpc/terragrunt.hcl": SOURCE,
            "live/prod/app/terragrunt.hcl": SOURCE + app,
            "live/global/dns/terragrunt.hcl": SOURCE,
        },
    )
    assert order_in(tmp_path) == {"app": ("network/vpc",), "network/vpc": ()}


def test_what_is_no_unit_is_left_out(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "live/prod/terragrunt.hcl": 'remote_state {\n  backend = "s3"\n}\n',
            "live/prod/a/terragrunt.hcl": SOURCE,
            "live/prod/a/.terragrunt-cache/x/y/terragrunt.hcl": SOURCE,
            "live/prod/b/main.tf": "",
            "live/prod/b/terragrunt.hcl": "inputs = {}\n",
            "live/prod/c/main.tf": "",
            "live/prod/d/terragrunt.hcl.json": json.dumps(
                {
                    "terraform": {"source": "."},
                    "dependency": {"a": {"config_path": "../a"}},
                    "dependencies": {"paths": ["../b"]},
                }
            ),
        },
    )
    assert order_in(tmp_path) == {"a": (), "b": (), "d": ("a", "b")}
    assert order_in(tmp_path, "live/prod/a") == {".": ()}
    assert order_in(tmp_path, "nowhere") == {}


def test_a_disabled_dependency_and_oneself_are_no_order(tmp_path: Path) -> None:
    off = 'dependency "b" {\n  config_path = "../b"\n  enabled = false\n}\n'
    write(
        tmp_path,
        {"live/prod/a/terragrunt.hcl": SOURCE + off + DEPENDENCY.format("."), "live/prod/b/terragrunt.hcl": SOURCE},
    )
    assert order_in(tmp_path) == {"a": (), "b": ()}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            'dependency "vpc" {\n  config_path = run_cmd("find-vpc")\n}\n',
            "the path of the dependency vpc is not a plain one",
        ),
        ("include {\n  path = local.x\n}\n", "the path of an `include` is not a plain one"),
        (
            'include {\n  path = "../missing.hcl"\n}\n',
            "live/prod/missing.hcl cannot be read: No such file or directory",
        ),
        ("dependency {\n", "live/prod/a/terragrunt.hcl cannot be read: the block dependency has no end"),
        (
            "dependencies {\n  paths = concat(local.a, [])\n}\n",
            "the path of the dependency dependencies is not a plain one",
        ),
    ],
)
def test_an_order_that_is_unknown_is_never_guessed(text: str, reason: str, tmp_path: Path) -> None:
    write(tmp_path, {"live/prod/a/terragrunt.hcl": SOURCE + text})
    (unit,) = units_in(tmp_path / "live/prod", tmp_path)
    assert unit.unclear == (reason,)


def test_no_file_outside_of_the_code_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.hcl"
    secret.write_text(DEPENDENCY.format("../b"))
    root = tmp_path / "code"
    write(
        root,
        {
            "live/prod/a/terragrunt.hcl": SOURCE + f'include {{\n  path = "{secret}"\n}}\n',
            "live/prod/b/terragrunt.hcl": SOURCE,
        },
    )
    (root / "live/prod/c").mkdir()
    (root / "live/prod/c/terragrunt.hcl").symlink_to(secret)
    units = {unit.name: unit for unit in units_in(root / "live/prod", root)}
    assert units["a"].after == ()
    assert "cannot be read" in units["a"].unclear[0]
    assert "cannot be read" in units["c"].unclear[0]


STACK = """
locals {
  env = "prod"
}
unit "vpc" {
  source = "../../catalog/units/vpc"
  path   = "network/vpc"
  values = {
    name = "vpc-${local.env}"
    cidr = "10.0.0.0/16"
  }
}
unit "app" {
  source = "${get_repo_root()}/catalog//units/app"
  path   = "app"
  values = { vpc_path = "../network/vpc", dns = unit.dns.path }
}
unit "dns" {
  source                  = "../../catalog/units/vpc"
  path                    = "dns"
  no_dot_terragrunt_stack = true
}
unit "old" {
  source  = "../../catalog/units/vpc"
  path    = "old"
  enabled = false
}
"""
CATALOG = {
    "catalog/units/vpc/terragrunt.hcl": SOURCE,
    "catalog/units/app/terragrunt.hcl": SOURCE
    + 'dependency "vpc" {\n  config_path = values.vpc_path\n}\ndependency "dns" {\n  config_path = values.dns\n}\n',
}


def test_units_of_a_stack_file_are_found_with_their_order(tmp_path: Path) -> None:
    write(tmp_path, {**CATALOG, "live/prod/terragrunt.stack.hcl": STACK, "live/prod/dba/terragrunt.hcl": SOURCE})
    expected = {"app": ("dns", "network/vpc"), "network/vpc": (), "dns": (), "dba": ()}
    assert order_in(tmp_path) == expected
    places = {unit.name: unit.place for unit in units_in(tmp_path / "live/prod", tmp_path)}
    generated = {name: f".terragrunt-stack/{name}" for name in ("app", "network/vpc")}
    assert places == {**generated, "dns": "", "dba": ""}
    assert place_of(tmp_path / "live/prod", tmp_path, "app") == tmp_path / "live/prod/.terragrunt-stack/app"
    assert place_of(tmp_path / "live/prod", tmp_path, "dba") == tmp_path / "live/prod/dba"
    assert place_of(tmp_path / "live/prod", tmp_path, "none") == tmp_path / "live/prod/none"


def test_stacks_in_stacks_and_what_a_stack_adds(tmp_path: Path) -> None:
    inner = 'unit "vpc" {\n  source = "${get_repo_root()}/catalog/units/vpc"\n  path = "vpc-${values.zone}"\n}\n'
    outer = """
stack "network" {
  source = "../../catalog/stacks/network"
  path   = "network"
  values = {
    zone = "a"
  }
}
unit "app" {
  source = "../../catalog/units/plain"
  path   = "app"
  autoinclude {
    dependency "network" {
      config_path = stack.network.path
    }
  }
}
"""
    write(
        tmp_path,
        {
            **CATALOG,
            "catalog/units/plain/terragrunt.hcl": SOURCE + 'dependency "network" {\n  config_path = run_cmd("x")\n}\n',
            "catalog/stacks/network/terragrunt.stack.hcl": inner,
            "live/prod/terragrunt.stack.hcl": outer,
        },
    )
    assert order_in(tmp_path) == {"app": ("network/vpc-a",), "network/vpc-a": ()}
    [vpc] = [unit for unit in units_in(tmp_path / "live/prod", tmp_path) if unit.name == "network/vpc-a"]
    assert vpc.place == ".terragrunt-stack/network/.terragrunt-stack/vpc-a"


@pytest.mark.parametrize(
    ("stack", "name", "reason"),
    [
        (
            'unit "vpc" {\n  source = "git::ssh://git@example.com/units.git//vpc?ref=v1"\n  path = "vpc"\n}\n',
            "vpc",
            "not in this repository",
        ),
        (
            'stack "all" {\n  source = "git::ssh://git@example.com/stacks.git"\n  path = "all"\n}\n',
            "all",
            "units of the stack all are unknown",
        ),
        (
            'unit "vpc" {\n  source = "../../catalog/units/vpc"\n  path = run_cmd("date")\n}\n',
            "vpc",
            "path of the unit vpc is not a plain one",
        ),
        (
            'unit "vpc" {\n  source = "../../catalog/units/vpc"\n  path = "../outside"\n}\n',
            "vpc",
            "path of the unit vpc",
        ),
        (
            'unit "vpc" {\n  source = "../../catalog/units/vpc"\n  path = "vpc"\n  enabled = values.on\n}\n',
            "vpc",
            "whether the unit vpc is generated",
        ),
        (
            'unit "vpc" {\n  source = "../../catalog/units/app"\n  path = "vpc"\n}\n',
            "vpc",
            "dependency vpc is not a plain one",
        ),
        ("unit {", ".", "cannot be read"),
    ],
)
def test_what_cannot_be_known_of_a_stack_leaves_the_order_unknown(
    stack: str, name: str, reason: str, tmp_path: Path
) -> None:
    write(tmp_path, {**CATALOG, "live/prod/terragrunt.stack.hcl": stack})
    [unit] = units_in(tmp_path / "live/prod", tmp_path)
    assert unit.name == name
    assert any(reason in each for each in unit.unclear), unit.unclear
