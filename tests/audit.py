"""`python -m tests.audit`: known vulnerabilities of what requirements.lock pins, by pip-audit and the advisories of osv.dev.

Exit code 1 with a line for each vulnerability. Where the advisories cannot be reached it prints that, and exits with 0: a
machine without that network must still be able to run the tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parent.parent / "requirements.lock"
SOURCE = "https://api.osv.dev/v1/query"
# pip-audit's own errors and those of requests, which it does not catch: its exit code is 1 for everything.
UNREACHABLE = ("requests.exceptions.", "Could not connect", "ServiceError", "ConnectionError")


def main(lock: Path = LOCK, source: str = SOURCE) -> int:
    """Print the outcome; the exit code."""
    options = ["--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json", "--timeout=10"]
    argv = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "-s", "osv", "--osv-url", source, *options]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except ValueError:
        if any(word in done.stderr for word in UNREACHABLE):
            print(f"make audit: the advisories at {source} cannot be reached; nothing was checked")  # noqa: T201
            return 0
        print(done.stderr, file=sys.stderr)  # noqa: T201
        return 1
    vulnerable = [
        f"{each['name']} {each['version']}: {flaw['id']}, fixed in {', '.join(flaw['fix_versions']) or 'no version'}"
        for each in dependencies
        for flaw in each.get("vulns", ())
    ]
    print(*vulnerable, f"make audit: {len(dependencies)} packages, {len(vulnerable)} vulnerabilities", sep="\n")  # noqa: T201
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
