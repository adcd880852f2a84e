"""A stand-in for Terragrunt, whose program no package registry carries: strict about its arguments, and it starts the real terraform.

Made from the source and docs of gruntwork-io/terragrunt v1.1.4: internal/cli/commands/run/flags.go, internal/runner/run/run.go,
internal/shell/run_cmd.go. It reads units in JSON (terragrunt.hcl.json), of which it supports `terraform` (source, hooks),
`inputs`, `generate`, `dependencies` and `exclude`, and no function but get_repo_root().
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

FLAGS = {"--non-interactive", "--no-color", "--no-auto-retry", "--tf-forward-stdout"}
VALUES = {"--log-level", "--log-format", "--tf-path"}
FORWARD_AFTER = 2  # seconds; SignalForwardingDelay is 15
SUPPORTED = {"terraform", "inputs", "generate", "exclude", "dependencies"}


def fail(message: str) -> NoReturn:
    """Log an error as --log-format key-value does, and end."""
    sys.stderr.write(f"time=2026-11-29T10:00:00Z level=error prefix= tf-path=terraform msg={message}\n")
    sys.exit(1)


def options(words: list[str]) -> tuple[str, list[str]]:
    """The path of terraform, and terraform's own arguments."""
    if words[:1] != ["run"] or "--" not in words:
        fail(f"unknown command: {words}")
    own, values = words[1 : words.index("--")], dict[str, str]()
    while own:
        word = own.pop(0)
        if word in VALUES:
            values[word] = own.pop(0)
        elif word not in FLAGS:
            fail(f"flag provided but not defined: {word}")
    return values["--tf-path"], words[words.index("--") + 1 :]


def with_root(text: str) -> str:
    """The text without get_repo_root()."""
    if "${get_repo_root()}" not in text:
        return text
    asked = subprocess.run(["git", "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=False)
    if asked.returncode:
        fail(f"git rev-parse: {asked.stderr}")
    return text.replace("${get_repo_root()}", asked.stdout.strip())


def terraform(path: str, words: list[str], *, quiet: bool = False) -> int:
    """Run terraform; an interrupt is sent to it again after a while, by its own number."""
    with subprocess.Popen([path, *words], stdout=subprocess.DEVNULL if quiet else None) as child:

        def forward(*_: object) -> None:
            timer = threading.Timer(FORWARD_AFTER, child.send_signal, [signal.SIGINT])
            timer.daemon = True
            timer.start()

        signal.signal(signal.SIGINT, forward)
        return child.wait()


def read_unit() -> dict[str, Any]:
    """The unit of this directory."""
    unit: dict[str, Any] = json.loads(with_root(Path("terragrunt.hcl.json").read_text()))
    if unknown := set(unit) - SUPPORTED:
        fail(f"Unsupported block type; Blocks of type {unknown} are not expected here.")
    return unit


def make_cache(unit: dict[str, Any], unit_directory: Path) -> Path:
    """The module with what is generated, in a directory of its own."""
    source = (unit_directory / unit.get("terraform", {}).get("source", ".")).resolve()
    if not source.is_dir():
        fail(f"source {source} does not exist")
    name = hashlib.sha256(str(source).encode()).hexdigest()[:20]
    cache = unit_directory / ".terragrunt-cache" / name / name
    shutil.copytree(source, cache, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".terragrunt-cache", "*.hcl.json"))
    for generated in unit.get("generate", {}).values():
        (cache / generated["path"]).write_text(generated["contents"])
    lock = unit_directory / ".terraform.lock.hcl"
    if lock.exists():
        shutil.copy(lock, cache)
    return cache


def run_hooks(unit: dict[str, Any], kind: str, command: str) -> None:
    """Run the hooks of a command."""
    for hook in unit.get("terraform", {}).get(kind, {}).values():
        if command in hook["commands"] and subprocess.run(hook["execute"], check=False).returncode:
            fail(f"Hook failed: {hook['execute']}")


UNIT = re.compile(r'unit "(\w+)" \{\s*source = "([^"]+)"\s*path = "([^"]+)"\s*\}')


def generate(words: list[str]) -> int:
    """Copy the units of the stack files: GenerateStackFile in pkg/config/stack.go, for units whose source is a directory here."""
    if unknown := [word for word in words if word.startswith("--") and word not in {*FLAGS, *VALUES}]:
        fail(f"flag provided but not defined: {unknown[0]}")
    for file in Path.cwd().rglob("terragrunt.stack.hcl"):
        text = file.read_text()
        if UNIT.sub("", text).strip():
            fail(f"{file}: Unsupported block type")
        for name, source, path in UNIT.findall(text):
            target = file.parent / ".terragrunt-stack"
            place, there = Path(os.path.normpath(target / path)), file.parent / source
            if not place.is_relative_to(target):
                fail(f"{name} destination path '{place}' is outside of the stack directory '{target}'")
            if not there.is_dir():
                fail(f"failed to fetch unit {name}: {source} does not exist")
            shutil.copytree(there, place, dirs_exist_ok=True)
            if not (place / "terragrunt.hcl.json").is_file():
                fail(f"Stack validation error: no terragrunt.hcl in {place}")
    return 0


def main(words: list[str]) -> int:
    """Run one command in the unit of this directory."""
    if words == ["--version"]:
        sys.stdout.write("terragrunt version v1.1.4\n")
        return 0
    if words[:2] == ["stack", "generate"]:
        return generate(words[2:])
    path, argv = options(words)
    if subprocess.run([path, "-version"], capture_output=True, check=False).returncode:
        fail("unable to determine the version of terraform")
    unit_directory, unit = Path.cwd(), read_unit()
    if argv[0] in unit.get("exclude", {}).get("actions", []):
        return 0
    cache = make_cache(unit, unit_directory)
    for key, value in unit.get("inputs", {}).items():
        os.environ[f"TF_VAR_{key}"] = value if isinstance(value, str) else json.dumps(value)
    os.chdir(cache)
    if argv[0] != "init" and not Path(".terraform/providers").exists() and terraform(path, ["init"], quiet=True):
        fail("Failed to execute terraform init")
    run_hooks(unit, "before_hook", argv[0])
    code = terraform(path, argv)
    if (cache / ".terraform.lock.hcl").exists():
        shutil.copy(cache / ".terraform.lock.hcl", unit_directory)
    run_hooks(unit, "after_hook", argv[0])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
