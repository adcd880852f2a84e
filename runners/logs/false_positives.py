"""What looks like a failure and is none: whole lines, and words in a line."""

from __future__ import annotations

import re2

# A configured pattern has to match without these words, so that a line about a package called liberror can still fail.
# The built-in patterns match more than a word. A group is what stands before or after the word.
_WORDS = (
    r"\b(?:0|no|zero) (?:known |critical )?(?:errors?|failures?|failed|vulnerabilit(?:y|ies))\b",
    r"\b(?:errors?|failures?|failed|unreachable|fatal)\"?\s*[:=]\s*\"?(?:0([^.\d]|$)|none\b|false\b|null\b|\[\]|\"\")",
    r"(^|[^\w-])--?(?:no-|ignore-|fail-on-|abort-on-|exit-on-|on-)?(?:error|fail|fatal)[\w-]*\b",
    r"\b(?:ignore|on|any|show|display|log|max|html|docref|track|last|report)_?errors?(?:_fatal|_reporting)?\s*[:=]\s*\S*",
    r"\b(?:error_(?:log|reporting|page|handler)|errexit|errtrace|pipefail|failover|fail2ban|fail-?safe)\b",
    r"\blib[\w.+-]*errors?[\w.+:-]*",
    r"\b[\w@./-]*errors?[\w.-]*@v?\d[\w.-]*",
    r"\b[\w@-]+/[\w.-]*errors?[\w.-]*",
    r"[\w./-]*(?:error|fatal|fail)[\w-]*\.(?:js|ts|mjs|py|rb|php|go|c|h|html|log|txt|md|json|xml|ya?ml|conf|so|gz|deb|pm)\b",
    r"\|\|\s*(?:true|:|echo\b.*)",
)

# A line from its beginning. Ordinary messages of tools are written to their end, so that they hide nothing else.
_LINES = (
    r"\++ ",  # sh -x: a command that is about to run
    r"##\[(?:group|endgroup|command|debug|notice|warning|section)\]",
    r"(?:W|N|I): ",  # apt
    r"(?:debconf|dpkg-preconfigure): ",
    r"invoke-rc\.d: (?:could not determine current runlevel|policy-rc\.d denied)",
    r"(?:Selecting previously unselected package|Preparing to unpack|Unpacking|Setting up) .*\.\.\.$",
    r"(?:Processing triggers for|Removing|Purging configuration files for) .*\.\.\.$",
    r"(?:Get|Hit|Ign):\d+ ",
    r"update-alternatives: ",
    r"sudo: unable to resolve host ",
    r"locale: Cannot set LC_\w+ to default locale: ",
    # Of packages that are installed where no systemd, kernel, or bus runs: a container, an image that is built.
    r"Failed to (?:open connection to \"system\" message bus|retrieve available kernel versions|check for processor microcode)",
    r"Failed to (?:resolve (?:user|group) |set locale\b|write 'change' to '/sys/)",
    r"Could not execute systemctl: |(?:\S*/)?(?:ldconfig(?:\.real)?|grub-probe|cryptsetup): |(?:perl|bash): warning: ",
    r"start-stop-daemon: unable to stat ",  # Debian's scripts, when a daemon is installed for the first time
    r"rm: cannot remove .*: No such file or directory$",
    r"find: .*: Permission denied$",
    r"npm (?:warn|WARN|notice|info|http|verb|sill)\b",
    r"(?:warning|info|success) \S",  # yarn
    r"WARNING: (?:Running pip as the 'root' user|The scripts? |You are using pip version|Retrying )",
    r"\s*(?:Collecting|Downloading|Using cached|Building wheels? for|Created wheel for|Stored in directory:) ",
    r"(?:Requirement already satisfied:|Installing collected packages:|Successfully installed) ",
    r"\s+- (?:Installing|Downloading|Locking|Upgrading|Downgrading|Removing|Extracting) \S+ \(.*\)",  # composer
    r"(?:Fetching|Installing|Using) [\w.-]+ \d[\w.]*(?: \(was .*\))?$",  # bundler
    r"(?:ok|changed|skipping|included|rescued): (?:\[|/|\S+ for )",  # ansible
    r"(?:TASK|PLAY|RUNNING HANDLER|HANDLER|STATS) \[",
    r"\[(?:WARNING|DEPRECATION WARNING)\]: ",
    r"HEAD is now at [0-9a-f]{7,} ",
    r"\s*(?:\* |\+ |- |= )?\[(?:new branch|new tag|new ref|deleted)\] ",
    r"(?:commit )?[0-9a-f]{7,40}:? \S",  # a commit and its subject
    r"\s*(?:inflating|extracting|creating|adding|x): \S+$",
    r"[-dlbcps][rwxsStT-]{9}[+.@]? ",  # ls -l
    r"\s*(?:✓|✔|√|PASS(?:ED)?\b|ok \d+\b)",  # a test that passed, whatever its name
    r"\S+ PASSED$|.* \.\.\. ok$|\S*::.* PASSED +\[ *\d+%\]$",
    r"go: (?:downloading|finding|extracting|added|upgraded) ",
    r"<[\w.:-]+> (?:\(\d|ESTABLISH|EXEC|SSH|PUT|GET)",  # ansible -vvv: a connection
    r"FAILED - RETRYING: ",  # ansible: `until` is not met yet
    r"\[(?:DEBUG|TRACE)\] |handshake error: ",  # PACKER_LOG: connections are tried until the machine is up
    r"(?:checking|Checking) (?:for|whether|if|how|command|that|size of) ",  # autoconf, CMake
    r"AH00558: ",  # Apache has no name of its own
    r"ci-info: ",  # cloud-init: what keys and addresses there are
    r"debug[123]: ",  # ssh -v: files and keys that are tried
    r"echo ",
)

# A line that only speaks of a failure: patterns of sentences do not count then.
_CONDITION = r"(?:if|unless|whether|where|in case|whenever|should|might|may|would|until|prevents?|avoids?|so that|no longer|even though)"
_FAILING = r"(?:fail\w*|errors?|cannot|can'?t|could(?: not|n't)|not|unable|invalid|missing|unknown|undefined|denied|refused|exceeded|abort\w*)"
_CHANGE = (
    r"(?:Fix(?:e[sd])?|Add(?:ed|s)?|Remove[sd]?|Handle[sd]?|Avoid(?:ed|s)?|Prevent(?:ed|s)?|Improve[sd]?|Allow(?:s|ed)?|Use"
    r"|Report(?:s|ed)?|Correct(?:s|ed)?|Change[sd]?|Ignore[sd]?|Skip(?:s|ped)?|Test(?:s|ed)?|Refuse|Reject|Retry|Restore[sd]?"
    r"|Let|Make|Do(?:n't| not))"
)
_NO_STATEMENTS = (
    r"^\s*--?[A-Za-z]|^\s{20}",  # the help of a program: an option, or what it does
    rf"(?i)\b{_CONDITION}\b[^:]*\b{_FAILING}\b",
    rf"^\s*(?:[*+-] )?{_CHANGE} [\w'\"`]",  # the subject of a commit, an entry of a list of changes
    r"(?i)\b(?:0|no|zero|without) (?:\w+ )?(?:errors?|failures?|warnings?|problems?|issues?|conflicts?|changes?|differences?)\b",
    r"(?i)\berrors? (?:handl|report|logg|messag|page|code|correct|check|track|recover)\w+",
    r"(?i)\b(?:0|no|zero) (?:\w+ )?(?:failed|aborted|crashed|refused|denied|rejected)\b",
    r"(?i)\b(?:not|never|nothing) (?:failed|refused|denied|rejected|aborted)\b",
)

_AFTER, _BEFORE = 1, 2  # the groups in `_WORDS`
LINES = re2.compile("|".join(_LINES))
WORDS = re2.compile("(?i)" + "|".join(_WORDS))
NO_STATEMENT = re2.compile("|".join(_NO_STATEMENTS))


def is_false_positive(message: str) -> bool:
    """Whether a line, without Packer's prefix, never shows a failure."""
    return LINES.match(message) is not None


def is_no_statement(message: str) -> bool:
    """Whether a line speaks of a failure that it does not state: a condition, an option, a change."""
    return NO_STATEMENT.search(message) is not None


def without_false_positives(text: str) -> str:
    """The line with blanks in place of words that only look like a failure."""
    line, parts, end = text.encode(), [], 0
    while match := WORDS.search(line, end):
        start = max(match.start(), match.end(_BEFORE))
        parts.append(line[end:start])
        end = match.start(_AFTER) if match.start(_AFTER) >= 0 else match.end()
        parts.append(b" " * (end - start))
    return b"".join((*parts, line[end:])).decode()
