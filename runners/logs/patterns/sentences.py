"""How programs of any kind say that they failed: the grammar is the same whatever the tool.

A sentence of failure has an inability (`could not mount`), a failed verb (`configure failed for`), a fault (`bad magic number`),
or a program that gives up. It counts where a clause begins: at the beginning of a line, after the name of a program, after a colon.
`false_positives.NO_STATEMENT` has the sentences that only speak of a failure.
"""

from __future__ import annotations

from runners.logs.patterns import WEAK, Row, Table

# A program's name in small letters before its message. "INFO: " and "Warning: " are levels and no names.
_NAME = r"^(?:[a-z/][\w./@+-]*: )?"
_BEGINNING = r"^(?:[^\w\s]+ )?(?:\(\w+\) )?(?:[a-z/][\w./@+-]*: )?"
_CLAUSE = r"[\w)\]'\"][:;,!] +"  # what a clause begins after
_WORD = r"[\w.,:/@'\"`()\[\]#=-]+ "
_ABILITY = r"(?:[Ff]ailed [a-z]+ing|(?:[Ff]ail(?:ed|s|ure)? to|[Uu]nable to|[Nn]ot able to|[Cc]ould(?: not|n't)|[Cc]an(?: ?not|'t)) [a-z]\w)"
_DONE = (
    r"(?:found|read|opened|loaded|executed|created|installed|downloaded|retrieved|verified|resolved|reached|parsed|started"
    r"|written|mounted|renewed|authenticated|satisfied|upgraded|configured|removed|copied|fetched|cloned|built|compiled|linked"
    r"|decoded|decrypted|validated|processed|completed|performed|established|allocated|bound|accessed|determined|identified"
    r"|located|initiali[sz]ed|imported|applied|updated|saved|stored|unlocked|activated|registered|restored|deployed)\b"
)
_BROKEN = r"(?:failed|FAILED|aborted|crashed|unsupported|refused|denied|rejected|timed out|was closed|expired|is corrupt(?:ed)?)"
_END = r"(?:[:;!]|[.,](?: |$)|$| (?:with|because|for|due|after|in|while|during|by|from|when)\b| \(| \d+:)"
_FAULT = (
    r"(?:[Ii]nvalid|[Uu]nsupported|[Uu]nknown|[Uu]nrecogni[sz]ed|[Uu]nexpected|[Ii]llegal|[Mm]alformed|[Ww]rong|[Bb]ad"
    r"|[Cc]orrupt(?:ed)?|[Dd]uplicate|[Cc]onflicting|[Ii]nsufficient|[Ii]ncompatible|[Ii]ncorrect|[Mm]ismatched"
    r"|Missing|No such|[Uu]ndefined|[Uu]nresolved|[Uu]nreachable|[Uu]ntrusted) ['\"`]?[A-Za-z][\w-]+"
)
_ACTIVITY = r"[Ee]rror (?:[a-z]{2,}ing|while|during) \S"
_NOTHING = (
    r"[Nn]o [\w/-]+(?: [\w/-]+)* (?:found|available|by that name|left|exists?|matched|matching|installed|provides)\b"
)

SENTENCES: Table = {
    "tool": (
        Row(
            "could not do it",
            rf"{_BEGINNING}{_ABILITY}|{_CLAUSE}{_ABILITY}",
            "queue-daemon: could not bind to the port 8080",
            "INFO: no port was bound twice",
        ),
        Row(
            "could not do it",
            rf"^(?:{_WORD})+(?:could not|couldn't|can ?not|can't) (?:be (?:\w+ly )?{_DONE}|(?:find|read|open|load|execute|create|install|download|retrieve|verify|resolve|reach|parse|start|write|mount|connect|access|locate|fetch|build) )|^(?:{_WORD})+(?:was|were|is|are) (?:not able|unable) to [a-z]|^(?:{_WORD})+(?:failed to [a-z]|did(?: not|n't) (?:respond|start|finish|complete|return|succeed|exit|become|answer)\b)",
            "The superblock could not be read or does not describe a correct file system",
            "the signature was verified",
        ),
        Row(
            "command not found",
            r"^(?:[\w-]+ )?(?:[Cc]ommand|[Ee]xecutable|[Pp]rogram|[Ii]nterpreter) \S+ (?:was )?not found\b|\bcan't find command\b",
            "Container command '/bin/bash' not found or does not exist.",
            "the command was found",
        ),
        Row(
            "reported as failed",
            r"^(?:[A-Z*\[][^|]*[A-Za-z)\]>'\"] |[\w./:-]+: (?:[A-Za-z]\S* )+)(?:has |have |was )?(?:failed|FAILED|FAIL)(?: \*+)?[.!]?$",
            "Running the module scripts-user (of the user's data) failed",
            "12 passed, 0 failed",
        ),
        Row(
            "reported as failed",
            r"(?i)\b(?:job|task|step|command|build|script|process|check|deploy(?:ment)?|migration|install(?:ation)?|compilation|connection|download|upload|update)s?,? (?:has |have )?failed(?:[:;,(]| with\b| after\b| because\b| in \d| at\b)",
            "queue: job failed: /usr/bin/c++ -O3 -c queue.cc",
            "the job failed over to the other zone",
        ),
        Row(
            "reported as failed",
            r"[^\d\s,] (?:[Ff]ailed|FAILED): [A-Za-z'\"`]|^[\w./+-]+(?: [\w .-]*)?: (?:failed|FAILED|FAIL)[.!]?$|^failed: [\"'A-Za-z/]|\bhas failures: true\b",
            'queue.go:329: upgrade "queue" failed: it was cancelled',
            '{"changed": false, "failed": false}',
        ),
        Row(
            "reported as failed",
            r"\.{2,3} *(?:fail(?:ed)?!|FAIL(?:ED)?$)|(?:\. ){3,}fail(?:ed)?!|^\[ ?(?:FAILED|FAIL|fail)\w* ?\] |\[ ?(?:FAILED|FAIL|fail) ?\]$",
            "   ...fail!",
            "   ...done.",
        ),
        Row(
            "reported as failed",
            rf"^(?:[^\w\s]+ |\[ ?[A-Z]+ ?\] |[\w-]+ : )?[A-Z][\w:.-]* (?:{_WORD})*{_BROKEN}{_END}|{_CLAUSE}(?:{_WORD})*{_BROKEN}{_END}",
            "! Configure failed for Queue-0.66. See the build.log for details.",
            "The failed units are none",
        ),
        Row(
            "an error while it worked",
            rf"^(?:[^\w\s]+ )?(?:\[?[\w.-]+\]?: ?)?{_ACTIVITY}|[:;,] {_ACTIVITY}|^Errors? (?:was|were|occurred)\b|\b(?:[Ee]rrors?|[Ee]xceptions?|[Pp]roblems?|[Ff]ailures?)(?: has| have)? (?:occurred|happened|was raised|was thrown)\b|\bproduced an (?:unexpected )?error\b|\bhad an error: ",
            "Error downloading object: backend/queue.db (9e497dc)",
            "Error handling is on",
        ),
        Row(
            "no such file",  # of a script whose lines end as on Windows
            r"^: (?:No such file or directory|not found|command not found|Permission denied|invalid option)",
            ": No such file or directory",
            "search: every file and directory is there",
        ),
        Row(
            "a fault",
            rf"^(?:[^\w\s*-]+ +)?(?:[\w./+@-]+: |line \d+: |\d+: )*{_FAULT}|[\w)\]'\"]: +{_FAULT}|^(?:Passed|Got|Received|Found|Detected|Encountered|Has) (?:an? )?(?:{_FAULT}|(?:[a-z]\w* )?(?:conflicts?|errors?|problems?|failures?)\b)|\b[Ee]xpected .* but (?:received|got|was|found)\b|\b(?:[Cc]hecksum|[Hh]ash|[Dd]igest|[Ss]ignature|[Ff]ingerprint|[Ss]ize)s? (?:mismatch|(?:does|do|did) not match)\b",
            "mount: wrong fs type, bad option, bad superblock on /dev/nvme0n1p1,",
            "the wrong file system is refused",
        ),
        Row(
            "nothing found",
            rf"^[a-z/][\w./+@-]*: (?:line \d+ failed: )?{_NOTHING}|^Error: {_NOTHING}|^No \w+(?: \w+)? (?:of|for|named|matching) \S+ (?:was |were )?found\b|['\"`][\w./@:+-]+['\"`] (?:was |is |were )?(?:not found|missing|not available|not installed)(?:$|[.,:;!])",
            "iptables: No chain/target/match by that name.",
            "resolver: no conflicts",
        ),
        Row(
            "out of bounds",
            r"\b(?:is|are) too (?:low|small|old|large|long|big|many|few)(?:[,.:;]|$| (?:for|to|\()\b)|\bexceed(?:s|ed) the (?:limit|maximum|quota)\b|\b(?:quota|limit) (?:was |is |has been )?(?:exceeded|reached)\b",
            "[1]: max virtual memory areas vm.max_map_count [65530] is too low, increase to at least [262144]",
            "the limit of the queue is low",
        ),
        Row(
            "gave up",
            r"(?i)^[a-z]+ aborted!$|(?:^|[.,;\]!] |\by/n\] )(?:abort(?:ed|ing)?|giving up|bailing out|stopping the build)(?:[.! ]|$)|[,;] (?:aborting|terminating|giving up|exiting|bailing out)[.!]?$",
            "Do you want to continue? [Y/n] Abort.",
            "Press Ctrl-C to abort the program",
        ),
        Row(
            "timed out",
            r"(?i)\b(?:timed out|timeout) (?:waiting|after|while|connecting|reached|exceeded|expired)\b|^timed? ?out\.?$",
            "the queue: timed out waiting for the condition",
            "the timeout of the queue is 30 s",
        ),
        Row(
            "not usable",
            r"^(?:[\w./+@-]+:(?:\d+:)* (?:\*\*\* )?)(?:[\w.'\"`/-]+ )+(?:is|are|was|were|has|have|does|do|did)(?: not|n't) (?:been |appear to be |seem to be )?(?:found|available|installed|supported|defined|exist|recogni[sz]ed|allowed|permitted|trusted|valid|match|compatible|configured|reachable|accessible|writable|executable|a )|^[a-z/][\w./+@-]*: (?:[\w.'\"`/-]+ )+(?:(?:is|are) required|must (?:be|have|not))\b|^[a-z][\w.-]* does not (?:work|support) ",
            "Makefile:143: *** composer is not available on your system, please install composer.  Stop.",
            "Makefile:143: composer is available on your system",
        ),
        Row(
            "not there",
            r"(?i)^(?:- )?(?:[\w./'\"`-]+ )+(?:not found|(?:does not|doesn't) exist|is missing|no such file or directory|does not satisfy that requirement|(?:is|are|was|has) not (?:been )?(?:available|installed|supported|defined|recogni[sz]ed|trusted|reachable)|(?:is |are )?not (?:configured|set)[.!]?$)(?:\b|$)",
            "the role of the host does not exist",
            "the role of the host exists",
            WEAK,
        ),
    ),
}
