"""How programs of any kind say that they failed: the words are the same whatever the tool."""

from __future__ import annotations

from runners.logs.patterns import WEAK, Row, Table

# A program's name in small letters before its message. "INFO: " and "Warning: " are levels and no names.
_NAME = r"^(?:[a-z/][\w./@+-]*: )?"

SENTENCES: Table = {
    "tool": (
        Row(
            "could not do it",
            _NAME
            + r"(?:[Ff]ailed (?:to|during|while|on|in|at)|[Uu]nable to|[Cc]ould(?: not|n't)|[Cc]an(?:not|'t)) [a-z]\w",
            "queue-daemon: could not bind to the port 8080",
            "INFO: could not bind twice to a port: expected",
        ),
        Row(
            "could not do it",
            r"^(?:[\w:./-]+ ){1,5}(?:could not be|cannot be|can't be) (?:found|read|opened|loaded|executed|created|installed|downloaded|retrieved|verified|resolved|reached|parsed|started|written)(?:[.:!,]|$| (?:because|due|by|from|in|on|at)\b)",
            "the signature could not be verified.",
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
            r"^(?:[A-Z*\[][^|]*[A-Za-z)\]>'\"] |[\w./:-]+: (?:[A-Za-z]\S* ){1,6})(?:has |have |was )?(?:failed|FAILED|FAIL)(?: \*+)?[.!]?$",
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
            r"[^\d\s,] (?:failed|FAILED): [A-Za-z'\"`]|^[A-Z][\w .-]*: (?:failed|FAILED)[.!]?$|^failed: [\"'A-Za-z/]|\bhas failures: true\b",
            'queue.go:329: upgrade "queue" failed: it was cancelled',
            '{"changed": false, "failed": false}',
        ),
        Row(
            "timed out",
            r"(?i)\b(?:timed out|timeout) (?:waiting|after|while|connecting|reached|exceeded|expired)\b|^timed? ?out\.?$",
            "the queue: timed out waiting for the condition",
            "the timeout of the queue is 30 s",
        ),
        Row(
            "errors counted",
            r"^(?:Found |There (?:was|were) )?[1-9]\d* (?:errors?|failures?|error\(s\))(?:[;.:]|$| (?:found|generated|occurred)\b)",
            "1 errors; 2895 distinct packages available",
            "0 errors; 2895 distinct packages available",
        ),
        Row(
            "no such file",  # of a script whose lines end as on Windows
            r"^: (?:No such file or directory|not found|command not found|Permission denied|invalid option)",
            ": No such file or directory",
            "search: No such file or directory is a common message",
        ),
        Row(
            "reported as failed",
            r"\.{2,3} *fail(?:ed)?!|(?:\. ){3,}fail(?:ed)?!|^\[ ?(?:FAILED|FAIL|fail)\w* ?\] |\[ ?(?:FAILED|FAIL|fail) ?\]$",
            "   ...fail!",
            "   ...done.",
        ),
        Row(
            "logged as an error",
            _NAME.replace("[a-z/]", "[A-Za-z/]")
            + r"(?:(?:[Ff]atal|[Ii]nternal|[Ss]erious) )?(?:error|ERROR|Error): [A-Za-z'\"`/(\[]",
            "rpm: error: can't create the lock",
            "error: 0",
        ),
        Row(
            "logged as an error",
            r"\blevel=(?:error|fatal|panic)\b|\"(?:level|severity)\": ?\"(?:[Ee]rror|ERROR|[Ff]atal|FATAL|[Cc]ritical|CRITICAL)\"|^Fatal Error \S",
            'time="12:00" level=error msg="the queue is not there"',
            'time="12:00" level=info msg="error pages are there"',
        ),
        Row(
            "exit code",
            r"(?i)\b(?:exit|return|error)[ -]?(?:code|status)(?: of| was| is)?\W{0,2} ?[1-9]\d{0,2}\b(?:[^.\d]|$)|\bexit(?:ed)? (?:with )?(?:status |code )?[1-9]\d{0,2}(?:$|\)|; not expected)|\bexit status \d+; not expected\b|^(?:Ran|Command|The command) .* returned [1-9]\d*$|\breturned [1-9]\d* instead of\b",
            "exited: queue-daemon (exit status 0; not expected)",
            "exited: queue-daemon (exit status 0; expected)",
        ),
        Row(
            "uncaught exception",
            r"^(?:[\w.\\]+[.\\])?[A-Z]\w*(?:Error|Exception)(?:\.|:)?$",
            "  RuntimeError",
            "RuntimeErrors are counted",
        ),
        Row(
            "not there",
            r"(?i)^(?:- )?(?:[\w./'\"`-]+ ){1,8}(?:not found|does not exist|doesn't exist|is missing|no such file or directory|does not satisfy that requirement)\b",
            "the role of the host does not exist",
            "the role of the host exists",
            WEAK,
        ),
    ),
}
