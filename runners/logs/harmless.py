"""What looks like a failure and is none: lines that are never a sign, and words that do not count as one."""

from __future__ import annotations

import re

# Words are blanked before configured patterns count, so that a line about a package called liberror can still fail;
# what is built in looks for more than a word.
_WORDS = (
    r"\b(?:0|no|zero) (?:known |critical )?(?:errors?|failures?|failed|vulnerabilit(?:y|ies))\b",
    r"\b(?:errors?|failures?|failed|unreachable|fatal)\"?\s*[:=]\s*\"?(?:0(?![.\d])|none\b|false\b|null\b|\[\]|\"\")",
    r"(?<![\w-])--?(?:no-|ignore-|fail-on-|abort-on-|exit-on-|on-)?(?:error|fail|fatal)[\w-]*\b",
    r"\b(?:ignore|on|any|show|display|log|max|html|docref|track|last|report)_?errors?(?:_fatal|_reporting)?\s*[:=]\s*\S*",
    r"\b(?:error_(?:log|reporting|page|handler)|errexit|errtrace|pipefail|failover|fail2ban|fail-?safe)\b",
    r"\blib[\w.+-]*errors?[\w.+:-]*",
    r"\b[\w@./-]*errors?[\w.-]*@v?\d[\w.-]*",
    r"\b[\w@-]+/[\w.-]*errors?[\w.-]*",
    r"[\w./-]*(?:error|fatal|fail)[\w-]*\.(?:js|ts|mjs|py|rb|php|go|c|h|html|log|txt|md|json|xml|ya?ml|conf|so|gz|deb|pm)\b",
    r"\|\|\s*(?:true|:|echo\b.*)",
)

# A whole line, from its beginning. Tools' ordinary reports are given to their end, so that nothing else hides behind their first word.
_LINES = (
    r"\++ ",  # sh -x: what is about to be run
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
    r"start-stop-daemon: unable to stat ",  # Debian's scripts, of a daemon that was not there before
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
    r"(?:commit )?[0-9a-f]{7,40} \S",  # a commit and its subject
    r"\s*(?:inflating|extracting|creating|adding|x): \S+$",
    r"[-dlbcps][rwxsStT-]{9}[+.@]? ",  # ls -l
    r"\s*(?:\u2713|\u2714|\u221a|PASS(?:ED)?\b|ok \d+\b)",  # a test that passed, whatever it is called
    r"\S+ (?:PASSED|\.\.\. ok)$",
    r"echo ",
)

LINES = re.compile("|".join(_LINES))
WORDS = re.compile("|".join(_WORDS), re.IGNORECASE)


def is_harmless(said: str) -> bool:
    """Whether the line, without Packer's prefix, is never a sign of failure."""
    return LINES.match(said) is not None


def without_harmless_words(text: str) -> str:
    """The line with such words blanked, everything else where it was."""
    return WORDS.sub(lambda found: " " * len(found.group()), text)
