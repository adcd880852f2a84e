"""`python -m tests.changed [REF]`: prints the unit test files of what changed since the merge base with REF.

Those are the changed test files; those of the folder that mirrors a changed module's folder, or of the nearest above it;
and those that import a changed module: by its name, through the package that offers its names, or through other files
of tests/. `make test` runs the rest.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parent.parent
UNIT = PROJECT / "tests" / "unit"


def main() -> None:
    """Print the files, one a line; nothing when no Python file changed."""
    changed = {path for path in changed_files(*sys.argv[1:2]) if path.suffix == ".py"}
    mirrors = {mirror_of(path) for path in changed if not path.is_relative_to(PROJECT / "tests")}
    for test in sorted(UNIT.rglob("test_*.py")):
        if test in changed or test.parent in mirrors or reached_from(test) & changed:
            print(test.relative_to(PROJECT))  # noqa: T201 - a command line prints


def changed_files(*refs: str) -> set[Path]:
    """What the work tree has otherwise than the merge base, files that git does not have yet included."""
    bases = (_git("merge-base", "HEAD", ref) for ref in (refs or ("origin/main", "main")))
    base = next((result[0] for result in bases if result), "HEAD")
    names = _git("diff", "--name-only", base) + _git("ls-files", "--others", "--exclude-standard")
    return {PROJECT / name for name in names}


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def mirror_of(module: Path) -> Path:
    """The folder of the tests of a module: where it would be below tests/unit, or the nearest that exists above that."""
    folders = (UNIT / above.relative_to(PROJECT) for above in module.parents if above.is_relative_to(PROJECT))
    return next(folder for folder in folders if folder.is_dir())


def reached_from(test: Path) -> set[Path]:
    """The files that a test file is about."""
    reached: set[Path] = set()
    # Fixtures are used without an import.
    waiting = [test, *(above / "conftest.py" for above in test.parents if above.is_relative_to(PROJECT / "tests"))]
    while waiting:
        for path in imported(waiting.pop()) - reached:
            reached.add(path)
            if path.is_relative_to(PROJECT / "tests") or path.name == "__init__.py":
                waiting.append(path)
    return reached


@cache
def imported(path: Path) -> frozenset[Path]:
    """The project's files whose names a file imports."""
    if not path.is_file():
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {item.name for item in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{item.name}" for item in node.names)}
    bases = (PROJECT.joinpath(*name.split(".")) for name in names)
    files = (file for base in bases for file in (base.with_suffix(".py"), base / "__init__.py"))
    return frozenset(file for file in files if file.is_file())


if __name__ == "__main__":
    main()
