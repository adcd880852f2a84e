"""Causes on machines: how they are reached, memory, disks, daemons, programs."""

from __future__ import annotations

from runners.explain.rows import CauseRow

_REACH = "Check that it runs (`/infra inventory`), its console (`/infra console`), and security groups between the bot and it."

MACHINES: tuple[CauseRow, ...] = (
    CauseRow(
        "host key differs",
        r"\bHost key verification failed\b|\bREMOTE HOST IDENTIFICATION HAS CHANGED\b|\bNo \S+ host key is known for ([\w.:-]+)",
        "the SSH host key of {what} is unknown or has changed",
        "Find out why before anybody trusts the new key: a new machine with an old address, or somebody in between.",
        "Host key verification failed.",
        "Host key verification succeeded",
        "the host",
    ),
    CauseRow(
        "SSH refuses the key",
        r"(?:[\w.-]+@([\w.-]+): )?Permission denied \((?:publickey|password|keyboard-interactive|gssapi)[\w,-]*\)"
        r"|\bssh: unable to authenticate, attempted methods\b",
        "{what} refuses the SSH key",
        "Check the user and the private key, and whether the key is in the host's `authorized_keys`. For git, the deploy key of the repository.",
        "deploy@10.0.1.12: Permission denied (publickey).",
        "permissions of /home/deploy/.ssh are 0700",
        "the host",
    ),
    CauseRow(
        "host unreachable",
        r"^ssh: connect to host (\S+) port \d+: [A-Z]"
        r"|\bFailed to connect to the host via ssh: (?:ssh: connect to host (\S+) port \d+: )?(?:Connection (?:timed out|refused|reset|closed)|No route|kex_exchange|Operation timed out)"
        r"|\b(?:kex_exchange_identification|ssh_exchange_identification): .*(?:closed|reset) by",
        "{what} cannot be reached by SSH",
        _REACH,
        'fatal: [cron-1]: UNREACHABLE! => {"changed": false, "msg": "Failed to connect to the host via ssh: ssh: connect to host 10.0.1.12 '
        'port 22: Connection timed out", "unreachable": true}',
        "web1 : ok=3 changed=0 unreachable=0 failed=0",
    ),
    CauseRow(
        "host unreachable: Ansible",
        r"\bUNREACHABLE!",
        "a host cannot be reached",
        _REACH,
        'web1 | UNREACHABLE! => {"changed": false, "msg": "Data could not be sent to remote host", "unreachable": true}',
        "PLAY RECAP: unreachable=0",
    ),
    CauseRow(
        "host unreachable: Packer",
        r"\bTimeout waiting for SSH\b|\btimeout - last error: (?:dial tcp|SSH)",
        "Packer could not reach its builder by SSH",
        "Check the subnet, its public address and security group, and the builder's console (`/infra console`) where it still runs.",
        "==> amazon-ebs.cron: Timeout waiting for SSH.",
        "==> amazon-ebs.cron: Waiting for SSH to become available...",
    ),
    CauseRow(
        "disk full",
        r"\bNo space left on device\b|\bno space left on device\b|\bDisk quota exceeded\b|\bENOSPC\b|\bYou don't have enough free space in /\S+"
        r"|\bnot enough (?:free )?(?:disk )?space\b|\bNot enough disk space\b|\bat least \S+ (?:more )?space needed on the /\S* filesystem",
        "the disk is full",
        "Free space or grow the disk on the machine that printed it (`df -h`); on the bot's own machine where operations keep their files.",
        "tar: vendor/aws/sdk: Cannot write: No space left on device",
        "Space left on device: 14 GB",
    ),
    CauseRow(
        "out of memory",
        r"\b[Oo]ut of memory: Kill(?:ed)? process \d+ \(([\w.-]+)\)|\b[Oo]om-kill(?:er)?\b|\bA process of this unit has been killed by the OOM killer\b"
        r"|^Killed$|: line \d+: *\d+ Killed\b|\bsignal: killed\b|\bKilled signal terminated program ([\w+.-]+)|\bCannot allocate memory\b|\bcould not allocate memory\b|\bfatal error: runtime: out of memory\b"
        r"|\bJavaScript heap out of memory\b|\bAllowed memory size of \d+ bytes exhausted\b|\bjava\.lang\.OutOfMemoryError\b|\bMemoryError$"
        r"|\bOOMKilled\b|\b(?:exit|exited with) code:? 137\b|\bstatus=9/KILL\b",
        "{what} ran out of memory",
        "Give the machine or the program more memory, or let less run at the same time there. Then run it again.",
        "Out of memory: Killed process 2211 (php) total-vm:812344kB, anon-rss:401232kB, file-rss:0kB",
        "memory: 401 MB of 2048 MB used",
        "a program",
    ),
    CauseRow(
        "daemon doubled",
        r"\bit runs (\d+) times \(processes ",
        "the daemon runs {what} times",
        "Restart it with the button below the check: it stops all processes, then starts one.",
        "queue-daemon on cron-1: it runs 2 times (processes 812, 2211)",
        "it runs 2 times a day",
    ),
    CauseRow(
        "address in use",
        r"\b[Aa]ddress already in use\b|\bEADDRINUSE\b|\bbind: address already in use\b|\bport is already allocated\b",
        "a port is in use already: often an old process of the same daemon still runs",
        "Check the daemons with `/infra daemons`, and who has the port with `ss -ltnp` on the host.",
        "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)",
        "the address is used by the load balancer",
    ),
    CauseRow(
        "service does not start",
        r"\bJob for ([\w@.-]+)\.service failed because\b|\bUnable to (?:re)?start service ([\w@.-]+)|\bFailed to (?:re)?start ([\w@.-]+)\.service"
        r"|\bgave up: (\S+) entered FATAL state",
        "the service {what} does not start",
        "Read its journal with `/infra journal`: its last lines say why.",
        "Job for nginx.service failed because the control process exited with error code.",
        "Job for nginx.service finished",
    ),
    CauseRow(
        "package manager is locked",
        r"\bCould not get lock /var/lib/(?:dpkg|apt)\b|\bUnable to acquire the dpkg frontend lock\b|\bwaiting for cache lock: Could not get lock\b|\bAnother app is currently holding the yum lock\b|\bcan't create transaction lock on\b",
        "another process holds the package manager's lock, often the automatic updates after a boot",
        "Wait some minutes and run it again, or wait for the lock in the play (`lock_timeout`).",
        "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 2211 (unattended-upgr)",
        "Reading state information... Done",
    ),
    CauseRow(
        "sudo wants a password",
        r"^sudo: (?:a (?:terminal|password) is required|no tty present|.*\ba password is required\b)|\bMissing sudo password\b|\bIncorrect sudo password\b",
        "sudo wants a password on the host",
        "Allow the deploying user `NOPASSWD` in sudoers, or do not use `become`.",
        "sudo: a password is required",
        "sudo: the password is cached",
    ),
    CauseRow(
        "program missing",
        r"(?:^|: )([\w./+-]+): (?:command )?not found$|\bexec: \"([\w./-]+)\": executable file not found in \$PATH|\[Errno 2\] No such file or directory: b?'([\w.+-]+)'",
        "the program {what} is not installed there",
        "Install it in the image or in an earlier step, then run it again.",
        "/opt/deploy.sh: line 4: composer: command not found",
        "checking for composer: found",
    ),
    CauseRow(
        "Python module missing",
        r"\b(?:ModuleNotFoundError|ImportError): No module named '?([\w.]+)|\bFailed to import the required Python library \(([\w.-]+)",
        "the Python module {what} is not installed there",
        "Install it where the program or the Ansible module runs.",
        "ModuleNotFoundError: No module named 'boto3'",
        "imports boto3 1.40",
    ),
    CauseRow(
        "runner lost",
        r"\b(?:The hosted runner lost communication with the server|The self-hosted runner: .* lost communication with the server|The runner has received a shutdown signal|The operation was canceled\.$)",
        "GitHub lost or stopped the runner of the job",
        "Run it again. If it happens again at the same step, that step takes more memory or time than the runner has.",
        "The self-hosted runner: ip-10-0-1-12 lost communication with the server. Verify the machine is running and has a healthy network connection.",
        "Runner name: 'GitHub Actions 12'",
    ),
    CauseRow(
        "time limit",
        r"\bhas exceeded the maximum execution time of ([\w ]+)|\bThe action '.*' has timed out after ([\w ]+)\b|\bTimeout \((\d+s)\) waiting for privilege escalation prompt",
        "the time limit of {what} was over",
        "Find the step that hangs in the log; raise the limit only where it is slow and not stuck.",
        "The job running on runner GitHub Actions 3 has exceeded the maximum execution time of 30 minutes.",
        "the maximum execution time is 30 minutes",
    ),
)
