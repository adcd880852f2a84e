"""Output that only mentions the words of causes: tests, configuration, retries that went on, ignored errors."""

from __future__ import annotations

HARMLESS: tuple[str, ...] = (
    "test_disk_full_is_reported (No space left on device) ... ok",
    "PASSED tests/test_errors.py::test_expired_token[ExpiredToken]",
    "  \u2713 should detect secondary rate limit from message (4 ms)",
    'enable_on_demand_failover_for_errors = ["InsufficientInstanceCapacity"]',
    "- Removed from del_old_files the section used to keep old databases (it does not work if the disk is full)",
    "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError: Temporary failure in name resolution': /simple/pip/",
    "FAILED - RETRYING: [web1]: wait for the service (5 retries left).",
    "  Warning: Docker pull failed with exit code 1, back off 5.965 seconds before retry.",
    "INFO: 429 received, retrying in 12 s",
    "++ grep -q 'No space left on device' build.log",
    "echo 'Out of memory: Killed process' >> patterns.txt",
    "ok: [web1] => (item=host unreachable)",
    "PLAY RECAP\nweb1 : ok=12 changed=3 unreachable=0 failed=0 skipped=2 rescued=0 ignored=0",
    "debug1: connect to address 10.0.0.1 port 22: Connection refused",
    "W: Some index files failed to download. They have been ignored, or old ones used instead.",
    "8a1b2c3d Handle AccessDenied: when the bucket is private",
    "commit 8a1b2c3d4e: Retry on toomanyrequests: and log it",
    "Setting up oomd (255.4) ...",
    "Unpacking libdbus-error-no-space (1.2) ...",
    "  + aws_iam_policy.deny will be created (AccessDenied for guests)",
    "2026-11-29T12:00:00.1234567Z \x1b[36;1mif grep -q 'Permission denied (publickey)' out; then exit 1; fi\x1b[0m",
    "##[group]Run ./test.sh 'API rate limit exceeded'",
    "TASK [Fail when No space left on device] ****",
    "[WARNING]: Unable to restart service nginx is reported as changed",
    "notice: connection refused by peer is expected here, continuing",
    "curl: (7) Failed to connect to 10.0.1.12 port 8080: Connection refused, retrying",
    "Killed processes of the old release: none",
    "info: address already in use, trying another port",
)
