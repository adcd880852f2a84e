"""Each failure pattern matches what tools print when they fail, and nothing that only looks like it."""

from __future__ import annotations

import re

import pytest

from runners.logs import false_positives
from runners.logs.classifier import Classifier
from runners.logs.failure_patterns import BUILT_IN, FailurePattern, configured
from runners.logs.lines import without_packer

TRUE = {
    "shell: command not found": [
        "/tmp/script_4711.sh: line 12: composer: command not found",
        "bash: line 1: nodejs: command not found",
        "sudo: supervisorctl: command not found",
        "sh: 1: pip: not found",
        "/bin/sh: 3: gulp: not found",
        "env: \u2018node\u2019: No such file or directory",
    ],
    "shell: no such file": [
        "cp: cannot stat '/tmp/uploads/nginx.conf': No such file or directory",
        "/tmp/script_4711.sh: line 9: /opt/permanent/bin/install: No such file or directory",
        "chmod: cannot access '/opt/queue-daemon': No such file or directory",
        "E: can not open /var/lib/apt/lists/ports_dists_jammy_InRelease - fopen (2: No such file or directory)",
    ],
    "shell: permission denied": [
        "mkdir: cannot create directory \u2018/opt/permanent\u2019: Permission denied",
        "/tmp/script_4711.sh: line 3: /opt/run.sh: Permission denied",
        "git@github.com: Permission denied (publickey).",
    ],
    "shell: segmentation fault": [
        "/tmp/script_1.sh: line 8:  2211 Segmentation fault      (core dumped) php artisan optimize",
        "Segmentation fault",
    ],
    "shell: killed": ["Killed", "/tmp/script_1.sh: line 30:  5150 Killed                  npm run build"],
    "shell: out of memory": [
        "[ 5123.1] Out of memory: Killed process 5150 (node) total-vm:2101816kB",
        "bash: fork: Cannot allocate memory",
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        "PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes)",
    ],
    "shell: disk full": [
        "tar: vendor/aws: Cannot write: No space left on device",
        "cp: error writing '/var/lib/x': Disk quota exceeded",
    ],
    "shell: syntax error": [
        "/tmp/script_1.sh: line 4: syntax error near unexpected token `fi'",
        '/tmp/script_1.sh: 7: Syntax error: end of file unexpected (expecting "fi")',
        "bash: -c: line 2: unexpected EOF while looking for matching `\"'",
    ],
    "shell: unset variable": ["/tmp/script_1.sh: line 6: DEPLOY_ENV: unbound variable"],
    "apt: package not found": [
        "E: Unable to locate package php8.9-fpm",
        "E: Package 'awscli' has no installation candidate",
        "E: Version '8.0.1' for 'mysql-client' was not found",
    ],
    "apt: download failed": [
        "E: Failed to fetch http://archive.ubuntu.com/ubuntu/pool/main/libx/libxml2.deb  404  Not Found [IP: 91.189.91.81 80]",
        "E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?",
        "E: Some index files failed to download. They have been ignored, or old ones used instead.",
    ],
    "apt: wrong checksum": [
        "E: Failed to fetch http://archive.ubuntu.com/ubuntu/dists/jammy/main/binary-amd64/Packages.gz  Hash Sum mismatch"
    ],
    "apt: unmet dependencies": [
        "The following packages have unmet dependencies:",
        "E: Unmet dependencies. Try 'apt --fix-broken install' with no packages (or specify a solution).",
        "E: Unable to correct problems, you have held broken packages.",
    ],
    "apt: package not configured": [
        "dpkg: error processing package mysql-server-8.0 (--configure):",
        "dpkg: error: dpkg frontend lock was locked by another process with pid 1432",
        "E: Sub-process /usr/bin/dpkg returned an error code (1)",
    ],
    "apt: locked": ["E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1432 (unattended-upgr)"],
    "apt: repository refused": [
        "E: The repository 'http://ppa.launchpad.net/ondrej/php/ubuntu noble Release' does not have a Release file.",
    ],
    "apt: apt error": ["E: Package manager could not resolve this: unable to go on"],
    "npm: npm error": ["npm ERR! code ELIFECYCLE", "npm error code E404", "npm error 404 Not Found - GET the package"],
    "yarn: yarn error": [
        'error Couldn\'t find package "left-padd" on the registry.',
        'error An unexpected error occurred: "ESOCKETTIMEDOUT".',
        "➤ YN0009: │ sharp@npm:0.32.6 couldn't be built successfully (exit code 1): failed",
    ],
    "pip: pip error": [
        "ERROR: Could not find a version that satisfies the requirement boto33 (from versions: none)",
        "ERROR: No matching distribution found for boto33",
        "error: externally-managed-environment",
        "error: subprocess-exited-with-error",
    ],
    "composer: composer error": [
        "  [RuntimeException]  ",
        "  [Composer\\Downloader\\TransportException]",
        "Script @php artisan package:discover handling the post-autoload-dump event returned with error code 1",
    ],
    "composer: unmet dependencies": [
        "  Your requirements could not be resolved to an installable set of packages.",
    ],
    "php: php error": [
        'PHP Fatal error:  Uncaught Error: Class "Redis" not found in /var/www/app.php:3',
        'Parse error: syntax error, unexpected token "}" in /var/www/app.php on line 9',
    ],
    "gem: gem error": ["ERROR:  Could not find a valid gem 'bundlr' (>= 0) in any repository"],
    "bundler: bundler error": ["An error occurred while installing mysql2 (0.5.5), and Bundler cannot continue."],
    "cargo: cargo error": ["error: could not compile `openssl-sys` (build script) due to 1 previous error"],
    "curl: curl failed": [
        "curl: (6) Could not resolve host: getcomposer.org",
        "curl: (22) The requested URL returned error: 404",
        "curl: (28) Operation timed out after 30001 milliseconds with 0 bytes received",
    ],
    "wget: wget failed": [
        "2026-11-23 12:00:03 ERROR 404: Not Found.",
        "wget: unable to resolve host address 'nodejs.org'",
        "Connecting to nodejs.org (nodejs.org)|104.20.22.46|:443... failed: Connection refused.",
    ],
    "network: name not resolved": [
        "ssh: Could not resolve hostname github.com: Temporary failure in name resolution",
        "  Temporary failure resolving 'archive.ubuntu.com'",
    ],
    "tls: certificate refused": [
        "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired",
        'Get "https://127.0.0.1/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
        "fetch: SSL certificate problem: unable to get local issuer certificate",
    ],
    "git: git failed": [
        "fatal: repository 'https://github.com/PermanentOrg/back-endd.git/' not found",
        "error: pathspec 'stagin' did not match any file(s) known to git",
        "remote: Repository not found.",
    ],
    "ssh: ssh failed": [
        "Host key verification failed.",
    ],
    "ansible: failed task": [
        'fatal: [default]: FAILED! => {"changed": false, "msg": "No package matching \'php9\' is available"}',
        'fatal: [default]: UNREACHABLE! => {"changed": false, "msg": "Failed to connect", "unreachable": true}',
        'failed: [default] (item=php-redis) => {"ansible_loop_var": "item", "changed": false}',
        "default                    : ok=12   changed=9    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0",
        "default                    : ok=0    changed=0    unreachable=1    failed=0    skipped=0    rescued=0    ignored=0",
    ],
    "ansible: playbook not read": [
        "ERROR! the role 'nginx' was not found in /root/roles",
        "[ERROR]: Unexpected failure",
    ],
    "packer: build failed": [
        "Build 'amazon-ebs.cron' errored after 4 minutes 12 seconds: Script exited with non-zero exit status: 100",
        "--> amazon-ebs.cron: Script exited with non-zero exit status: 100. Allowed exit codes are: [0]",
        "==> Some builds didn't complete successfully and had errors:",
    ],
    "packer: provisioner failed": [
        "==> amazon-ebs.cron: Provisioning step had errors: Running the cleanup provisioner, if present...",
        "==> amazon-ebs.cron: Error executing Ansible: Non-zero exit status: exit status 2",
        "==> amazon-ebs.cron: Error stopping instance: UnauthorizedOperation",
    ],
    "systemd: service failed": [
        "Failed to restart queue-daemon.service: Unit queue-daemon.service not found.",
        "Job for nginx.service failed because the control process exited with error code.",
        "nginx.service: Failed with result 'exit-code'.",
    ],
    "make: make failed": [
        "make[1]: *** [Makefile:12: build] Error 2",
    ],
    "cmake: cmake failed": ["CMake Error at CMakeLists.txt:3 (find_package):"],
    "python: traceback": ["Traceback (most recent call last):"],
    "java: uncaught exception": ['Exception in thread "main" java.lang.NoClassDefFoundError: org/x/Y'],
    "aws: aws error": [
        "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied",
        'Unable to locate credentials. You can configure credentials by running "aws configure".',
    ],
    "docker: docker error": ["Error response from daemon: manifest for php:8.9 not found: manifest unknown"],
    "tool: error": ["Error: Cannot find module 'webpack'", "│ Error: Unsupported argument"],
    "mysql: database error": ["ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: NO)"],
    "postgres: database error": ['psql: FATAL:  role "permanent" does not exist'],
    "github: marked as an error": ["##[error]Unable to process file command 'output' successfully."],
}

FALSE = [
    "+ apt-get install -y php || echo 'E: Unable to locate package php'",
    "++ grep -c 'command not found' /tmp/log",
    "0 errors, 3 warnings",
    "Found 0 vulnerabilities, 0 errors",
    "error: 0",
    "Errors: 0, Failures: 0, Skipped: 2",
    "tests: 241, errors=0, failed=0",
    "no errors found in configuration",
    "curl --fail --silent --show-error https://127.0.0.1/health",
    "rsync --ignore-errors -a src dst",
    "npm install --no-error",
    "set -o errexit",
    "set -o pipefail",
    "display_errors = Off",
    "error_reporting: E_ALL",
    "W: Some index files are old",
    "W: GPG error: http://ppa.launchpad.net jammy InRelease: key is stored in legacy trusted.gpg keyring",
    "W: Failed to fetch http://archive.ubuntu.com/ubuntu/dists/jammy/InRelease  Temporary failure resolving",
    "N: Download is performed unsandboxed as root, couldn't be accessed by user '_apt'. (13: Permission denied)",
    "debconf: unable to initialize frontend: Dialog",
    "debconf: (Dialog frontend will not work on a dumb terminal, an emacs shell buffer, or without a controlling terminal.)",
    "dpkg-preconfigure: unable to re-open stdin: No such file or directory",
    "invoke-rc.d: policy-rc.d denied execution of start.",
    "Selecting previously unselected package liberror-perl.",
    "Unpacking liberror-perl (0.17029-1) ...",
    "Setting up libgpg-error0:amd64 (1.43-3) ...",
    "Setting up fail2ban (0.11.2-6) ...",
    "Get:12 http://us-west-2.ec2.archive.ubuntu.com/ubuntu jammy/main amd64 libgpg-error-l10n all 1.43-3 [22.7 kB]",
    "npm warn deprecated har-validator@5.1.5: this library is no longer supported",
    "npm WARN optional SKIPPING OPTIONAL DEPENDENCY: fsevents@1.2.13: error",
    "npm notice New major version of npm available! 10.8.2 -> 11.6.2",
    "WARNING: Running pip as the 'root' user can result in broken permissions and conflicting behaviour",
    "Collecting exceptiongroup>=1.0.2",
    "  Downloading error_handler-1.1.tar.gz (12 kB)",
    "Successfully installed error-report-1.0 traceback2-1.4",
    "  - Installing symfony/error-handler (v6.4.10): Extracting archive",
    "  - Locking php-http/exception-plugin (1.2.0)",
    "Installing hoptoad_error 1.2.3",
    "ok: [default] => (item=error_log)",
    'ok: [default] => {"msg": "error: none, fatal: none"}',
    "changed: [default] => (item=fail2ban)",
    "skipping: [default] => (item=Error pages)",
    "TASK [nginx : Remove the default error pages] ***************",
    "RUNNING HANDLER [php : restart on failed: reload] ****",
    "default : ok=12   changed=9    unreachable=0    failed=0    skipped=3    rescued=0    ignored=0",
    "HEAD is now at 3f9c2ab Fix error: command not found",
    "3f9c2ab Fix fatal: bad object when the branch is gone",
    " * [new branch]      fix/fatal-error -> origin/fix/fatal-error",
    "-rw-r--r-- 1 root root 4102 Nov 23 12:00 error.html",
    "  inflating: dist/errors/Error-404.html",
    "✓ shows an error: command not found (12 ms)",
    "PASS src/error.test.js",
    "ok 12 - dies with fatal: not a git repository",
    "test_error_is_raised PASSED",
    "locale: Cannot set LC_CTYPE to default locale: No such file or directory",
    "start-stop-daemon: unable to stat /usr/libexec/polkitd (No such file or directory)",
    "sudo: unable to resolve host ip-10-0-1-12: Name or service not known",
    "rm: cannot remove '/tmp/build': No such file or directory",
    "find: \u2018/proc/1/task/1/fd\u2019: Permission denied",
    "##[group]Run echo 'fatal: error'",
    "##[warning]Node.js 16 actions are deprecated. error: none",
    "##[debug]Evaluating: error:",
    "Processing triggers for man-db (2.10.2-1) ...",
    "Killed processes of the old release: none",
    "Skipping killed job",
    "the exception proves the rule",
    "Loading composer repositories with package information",
    "curl: try 'curl --help' for more information",
    "Created symlink /etc/systemd/system/default.target.wants/failover.service",
]

CLASSIFIER = Classifier(BUILT_IN)
# Those of the example configuration, which would match half of a log if there were no list of false positives.
WIDE = [configured(pattern) for pattern in ("(?i)\\berror:", "(?i)fatal:", "npm ERR!", "E: Unable to locate package")]
WITH_WIDE = Classifier([*BUILT_IN, *WIDE])


def name_of(line: str, classifier: Classifier = CLASSIFIER) -> str | None:
    classified = classifier.classify([line])
    assert list(classifier.candidates(line.encode())) == [0] or classified is None
    return classified[0].name if classified else None


def in_python(pattern: FailurePattern) -> re.Pattern[str]:
    """The pattern for Python's `re`, whose \\w has all letters already."""
    return re.compile(pattern.pattern.replace(r"\pL\pN", ""))


CASES = [(name, line) for name, lines in TRUE.items() for line in lines]


@pytest.mark.parametrize(("name", "line"), CASES, ids=[line[:60] for _, line in CASES])
def test_what_a_failing_tool_prints_is_a_failure(name: str, line: str) -> None:
    first = name_of(line)
    assert first is not None
    assert first == name or any(pattern.name == name and in_python(pattern).search(line) for pattern in BUILT_IN)


@pytest.mark.parametrize("line", [line for _, line in CASES if not line.startswith(("Build '", "--> ", "==> ", "##["))])
def test_it_is_a_failure_under_packers_prefix_as_well(line: str) -> None:
    for prefix in ("    amazon-ebs.backend: ", "==> amazon-ebs.backend: "):
        assert name_of(prefix + line)


def test_every_pattern_has_lines_of_its_own() -> None:
    assert {pattern.name for pattern in BUILT_IN} == set(TRUE)
    unmatched = [one.pattern for one in BUILT_IN if not any(in_python(one).search(line) for _, line in CASES)]
    assert unmatched == []


@pytest.mark.parametrize("line", FALSE, ids=[line[:60] for line in FALSE])
def test_what_only_looks_like_a_failure_is_none(line: str) -> None:
    assert name_of(line) is None
    assert name_of(line, WITH_WIDE) is None
    assert name_of("    amazon-ebs.backend: " + line, WITH_WIDE) is None


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        ("error: the migration was not run", "(?i)\\berror:"),
        ("ERROR: no space was reserved", "(?i)\\berror:"),
        ("Fatal: 3 of 4 daemons are gone", "(?i)fatal:"),
        ("liberror-perl: error: not built", "(?i)\\berror:"),
        ("error: 0.5 of 4 daemons are gone", "(?i)\\berror:"),
    ],
)
def test_a_configured_pattern_is_named_by_itself(line: str, pattern: str) -> None:
    assert name_of(line) is None
    assert name_of(line, WITH_WIDE) == f"configured: {pattern}"


def test_a_false_positive_hides_no_failure_beside_it() -> None:
    assert name_of("E: Unable to locate package liberror-perl") == "apt: package not found"
    assert name_of("cp: cannot stat 'dist/error.html': No such file or directory") == "shell: no such file"


@pytest.mark.parametrize(
    ("line", "blanked"),
    [
        ("errors=0, failed: 0 --fail x", "        ,                  x"),
        ("error: 0.5 a--fail (--no-error)", "error: 0.5 a--fail (          )"),
        ("make || echo error: \u00e9 0 errors", "make                       "),
        ("\u00e9 0 errors", "\u00e9         "),
    ],
)
def test_words_that_only_look_like_a_failure_are_blanked_and_nothing_else(line: str, blanked: str) -> None:
    assert false_positives.without_false_positives(line).rstrip() == blanked.rstrip()


def test_re2_matches_what_pythons_re_matches_also_on_near_misses() -> None:
    expressions = [(pattern, in_python(pattern)) for pattern in BUILT_IN]
    for line in {line for _, line in CASES}:
        misses = (line[:at] + other + line[at + 1 :] for at in range(len(line)) for other in ("", " ", "x", "0"))
        for text in (line, *misses):
            message = without_packer(text.rstrip())
            matching = (
                pattern.name
                for pattern, expression in expressions
                if expression.search(text.rstrip() if pattern.whole_line else message)
            )
            first = None if false_positives.is_false_positive(message) else next(matching, None)
            classified = CLASSIFIER.classify([text.rstrip()])
            assert (classified[0].name if classified else None) == first, text
