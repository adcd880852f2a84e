"""Output of tools for failures that their callers ignore, in each tool's own words."""

from __future__ import annotations

from typing import Literal

Tool = Literal["apt", "npm", "pip", "composer", "shell", "curl", "ansible", "script"]

TOOL_FAILURES: dict[Tool, tuple[str, ...]] = {
    "apt": (
        "Reading package lists...",
        "Building dependency tree...",
        "E: Unable to locate package php8.3-imagick",
    ),
    "npm": (
        "npm error code ERESOLVE",
        "npm error ERESOLVE unable to resolve dependency tree",
        "npm error A complete log of this run can be found in: /home/ubuntu/.npm/_logs/debug-0.log",
    ),
    "pip": (
        "Collecting boto4",
        "ERROR: Could not find a version that satisfies the requirement boto4 (from versions: none)",
        "ERROR: No matching distribution found for boto4",
    ),
    "composer": (
        "Loading composer repositories with package information",
        "Your requirements could not be resolved to an installable set of packages.",
    ),
    "shell": ("/tmp/script_2210.sh: line 14: php-fpm8.3: command not found",),  # noqa: S108 -- printed, not opened
    "curl": ("curl: (22) The requested URL returned error: 404",),
    "ansible": (
        "TASK [Install the extensions] **************************************************",
        'fatal: [default]: FAILED! => {"changed": false, "msg": "No package matching \'php8.3-imagick\' is available"}',
        "...ignoring",
    ),
    # A script that Ansible ran: its exit code is 0, and what it printed is in the result alone.
    "script": (
        "TASK [php : Configure the machine] *********************************************",
        (
            'changed: [default] => {"changed": true, "rc": 0, '
            '"stderr": "configure.sh: line 41: composer: command not found\\n", '
            '"stderr_lines": ["configure.sh: line 41: composer: command not found"], '
            '"stdout": "Configuring php\\nDone\\n", "stdout_lines": ["Configuring php", "Done"]}'
        ),
        "",
        "PLAY RECAP *********************************************************************",
        "default                    : ok=14   changed=9    unreachable=0    failed=0    skipped=2    rescued=0    ignored=0",
    ),
}
PLUGINS_LIMITED = (
    'Failed getting the "github.com/hashicorp/amazon" plugin:',
    "1 error occurred:",
    "\t* Getting available versions: 403 API rate limit exceeded for 20.57.79.12.",
)
