"""What shells and the ordinary programs of a system print when they fail."""

from __future__ import annotations

from runners.logs.patterns import WEAK, Row, Table

# A program's name as programs print it before a message: "cp: ", "/tmp/script_1.sh: ". \w is ASCII in RE2.
_PROGRAM = r"^[\w\pL\pN./+-]+: "
_FILE_TOOL = r"^(?:cp|mv|ln|chmod|chown|chgrp|mkdir|rmdir|install|touch|dd|cat|mount|umount|mktemp|truncate): "

SHELL: Table = {
    "shell": (
        Row(
            "command not found",
            _PROGRAM + r"(?:.*: )?command not found$",
            "sudo: supervisorctl: command not found",
            "Skip the check: the command not found here is optional",
        ),
        Row(
            "command not found",
            r"^[\w./-]+: (?:line )?\d+: \S+: not found$",
            "x.sh: 7: composer: not found",
            "x.sh: 7: composer: not found in the cache",
        ),
        Row(
            "command not found",
            r"^-?(?:/bin/)?(?:sh|ash|dash): \S+: not found$",
            "sh: composer: not found",
            "sh: composer: found",
        ),
        Row(
            "command not found",
            r"^(?:zsh|fish): [Cc]ommand not found: |^fish: Unknown command",
            "zsh: command not found: composer",
            "zsh: command found: composer",
        ),
        Row(
            "command not found",
            r"^env: .*: No such file or directory$",
            "env: \u2018node\u2019: No such file or directory",
            "env: node: ready",
        ),
        Row(
            "command not found",
            r"\bexecutable file not found in (?:\$PATH|%PATH%)|: The term '.*' is not recognized as |^\S+ is not recognized as an internal or external command",
            'exec: "composer": executable file not found in $PATH',
            "every executable file found in $PATH is linked",
        ),
        Row(
            "cannot be executed",
            r": cannot execute(?: binary file)?(?:: |$)|\b[Ee]xec format error\b|: bad interpreter: ",
            "/opt/run.sh: /bin/ksh: bad interpreter: No such file or directory",
            "the interpreter is not bad: ready",
        ),
        Row(
            "exists already",
            r"^(?:mkdir|ln|cp|mv|groupadd|useradd|createuser|createdb): .*(?:File exists|already exists)",
            "mkdir: cannot create directory '/opt/permanent': File exists",
            "mkdir: created directory '/opt/permanent'",
            WEAK,
        ),
        Row(
            "no such file",
            _PROGRAM + r".*\bNo such file or directory\)?$",
            "cp: cannot stat 'nginx.conf': No such file or directory",
            "rm: cannot remove '/tmp/build': No such file or directory",
        ),
        Row(
            "permission denied",
            _PROGRAM + r".*\b[Pp]ermission denied$",
            "mkdir: cannot create directory '/opt/permanent': Permission denied",
            "find: '/proc/1/fd': Permission denied",
        ),
        Row(
            "permission denied",
            r"\bPermission denied \((?:publickey|password)|\bpermission denied while trying to connect\b",
            "git@github.com: Permission denied (publickey).",
            "Permission denied is tested (ok)",
        ),
        Row(
            "permission denied",
            _PROGRAM + r".*\bOperation not permitted$",
            "chown: changing ownership of '/srv/x': Operation not permitted",
            "the operation is not permitted to guests",
        ),
        Row(
            "unknown user",
            r"^(?:chown|chgrp|install): invalid (?:user|group)|^(?:su|useradd|usermod|groupmod|passwd|userdel): (?:user|group) '?[\w-]+'? does not exist|^sudo: unknown user",
            "chown: invalid user: 'www:www'",
            "chown: changed ownership of 'x' to www",
        ),
        Row(
            "file operation failed",
            _FILE_TOOL + r"(?:cannot|failed to|can't|unable to|missing|target|invalid|.*are the same file)\b",
            "cp: cannot create regular file '/etc/x': Not a directory",
            "cp: '/etc/x' was copied",
        ),
        Row(
            "file operation failed",
            _PROGRAM
            + r".*: (?:Not a directory|Is a directory|Read-only file system|Text file busy|Input/output error|Argument list too long|Too many open files)$",
            "/opt/x.sh: line 3: cd: /opt/x: Not a directory",
            "cd: /opt/x is a directory",
        ),
        Row(
            "segmentation fault",
            r"(?:^|: line \d+: *\d+ |: )(?:Segmentation fault|Bus error|Illegal instruction|Aborted \(core dumped\))",
            "/opt/x.sh: line 8:  2211 Segmentation fault      (core dumped) php artisan",
            "no segmentation fault since 2019",
        ),
        Row(
            "killed",
            r"^Killed(?:$|\s{2,})|: line \d+: *\d+ Killed(?:$|\s{2,})",
            "Killed",
            "Killed processes of the old release: none",
        ),
        Row(
            "out of memory",
            r"\bOut of memory: Kill|\bCannot allocate memory\b|^virtual memory exhausted",
            "bash: fork: Cannot allocate memory",
            "the memory is allocated",
        ),
        Row(
            "out of memory",
            r"\bJavaScript heap out of memory|\bAllowed memory size of \d+ bytes exhausted|\bjava\.lang\.OutOfMemoryError\b",
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
            "allowed memory size of 128 MB is used",
        ),
        Row(
            "disk full",
            r"\bNo space left on device\b|\bDisk quota exceeded\b",
            "tar: vendor/aws: Cannot write: No space left on device",
            "Space left on device: 14 GB",
        ),
        Row(
            "syntax error",
            r"\bsyntax error (?:near unexpected token|near line|in /|: )|^parse error in \S+|: [Ss]yntax error: ",
            "/opt/x.sh: line 4: syntax error near unexpected token `fi'",
            "checks the syntax: error handling is on",
        ),
        Row(
            "syntax error",
            r"\bunexpected EOF while looking for matching\b|: bad substitution$|: ambiguous redirect$",
            "bash: -c: line 2: unexpected EOF while looking for matching `\"'",
            "looking for matching files until EOF",
        ),
        Row(
            "bad test",
            r": line \d+: .*(?:integer expression expected|unary operator expected|too many arguments)$",
            "/opt/x.sh: line 9: [: =: unary operator expected",
            "line 9: an integer expression is expected here",
        ),
        Row(
            "unset variable",
            r": (?:line )?\d+: \w+: (?:unbound variable|parameter not set)$",
            "/opt/x.sh: line 6: DEPLOY_ENV: unbound variable",
            "line 6: DEPLOY_ENV: variable is set",
        ),
        Row(
            "unknown option",
            _PROGRAM + r"(?:unrecognized|unknown|invalid|illegal) option\b",
            "sed: unknown option -- 'z'",
            "option parser: every unknown flag is passed on",
        ),
        Row(
            "library missing",
            r": error while loading shared libraries: |: symbol lookup error: |: version `[\w.]+' not found",
            "php: error while loading shared libraries: libzip.so.5: cannot open shared object file",
            "loading shared libraries: libzip.so.5",
        ),
        Row(
            "no terminal",
            r"^sudo: (?:a (?:terminal|password) is required|no tty present)",
            "sudo: a password is required",
            "sudo: the password is cached",
        ),
    ),
    "archive": (
        Row(
            "archive not read",
            r"^(?:tar|gzip|gunzip|bzip2|xz|unzip): (?:.*: )?(?:Cannot|Unexpected|unexpected|Exiting|Error|This does not look like|not in gzip format|File format not recognized|cannot|Child returned)",
            "tar: This does not look like a tar archive",
            "tar: Removing leading `/' from member names",
        ),
        Row(
            "archive not read",
            r"^\s*End-of-central-directory signature not found",
            "  End-of-central-directory signature not found.  Either this file is not",
            "the central directory has a signature",
        ),
    ),
    "gpg": (
        Row(
            "key not read",
            r"^gpg: (?:no valid OpenPGP data found|can't|cannot|BAD signature|keyserver .* failed|.*\bfailed: )",
            "gpg: no valid OpenPGP data found.",
            "gpg: keybox '/root/.gnupg/pubring.kbx' created",
        ),
    ),
    "rsync": (
        Row(
            "rsync failed",
            r"^rsync: .*(?:failed|unexpectedly closed|error)|^rsync error: ",
            "rsync error: some files/attrs were not transferred (code 23) at main.c(1338)",
            "rsync: 14 files to consider",
        ),
    ),
    "text": (
        Row(
            "input not read",
            r"^(?:sed: (?:-e|can't|couldn't)|g?awk: (?:cmd\. line|cannot open)|jq: error|parse error: Invalid|yq: Error|Error: open .*: no such file)",
            'jq: error (at <stdin>:0): Cannot index number with "x"',
            "jq: 3 values were read",
        ),
    ),
}
