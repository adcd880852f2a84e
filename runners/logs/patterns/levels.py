"""How programs of any kind mark an error: a level, a number that is not 0, the end of a stack trace."""

from __future__ import annotations

from runners.logs.patterns import Row, Table

_ANY_NAME = r"^(?:[A-Za-z/][\w./@+-]*: )?"
_LEVEL = r"(?:ERROR|FATAL|CRITICAL|CRIT|ALERT|EMERG(?:ENCY)?|PANIC|SEVERE)"

LEVELS: Table = {
    "tool": (
        Row(
            "logged as an error",
            rf"(?:^|[\])>:|+-] ?|[\w.] \[?|\s{{2}}){_LEVEL}(?:\]| ?:) *(?:\[[^\]]+\] )?[A-Za-z'\"`/(<]",
            "2024/10/02 12:09:22 [installer] install.ps1 [+] ERROR : Failed to install: queue",
            "the level ERROR: 0 lines",
        ),
        Row(
            "logged as an error",
            _ANY_NAME
            + r"(?:(?:[Ff]atal|[Ii]nternal|[Ss]erious|[Uu]nexpected) )?(?:error|ERROR|Error)[:!] [A-Za-z'\"`/(\[]",
            "rpm: error: can't create the lock",
            "error: 0",
        ),
        Row(
            "logged as an error",
            r"\blevel=(?:error|fatal|panic)\b|\"(?:level|severity)\": ?\"(?:[Ee]rror|ERROR|[Ff]atal|FATAL|[Cc]ritical|CRITICAL)\"|^Fatal Error \S|^\[(?:ALERT|FATAL|CRIT\w*|EMERG\w*|PANIC)\] \S|^\[?(?:✖|✗|✘|❌)\] |^=(?:ERROR|CRASH|SUPERVISOR) REPORT=",
            'time="12:00" level=error msg="the queue is not there"',
            'time="12:00" level=info msg="error pages are there"',
        ),
        Row(
            "error with a code",
            r"(?:^|[:)-] )(?:fatal )?(?:error|ERROR|Error) (?:[A-Z]{1,8}-?\d{2,6}|#?\d{3,5}|0x[0-9a-fA-F]+)\b ?(?:[:.] |\()",
            "/src/App.csproj : error NU1101: Unable to find package Newton.",
            "the list of errors: NU1101",
        ),
        Row(
            "an error answer of a server",
            r"\breturned (?:an )?error:? [(]?[45]\d\d\b|^Invalid response from https?://|\bHTTP (?:error|status|code):? [45]\d\d\b|\b(?:401 Unauthorized|403 Forbidden|404 Not Found|429 Too Many Requests|500 Internal Server Error|502 Bad Gateway|503 Service Unavailable|504 Gateway Time-?out)\b",
            "Invoke-WebRequest : The remote server returned an error: (404) Not Found.",
            "GET /health HTTP/1.1 200 OK",
        ),
        Row(
            "errors counted",
            r"^(?:Found |There (?:was|were) )?[1-9]\d* (?:errors?|failures?|error\(s\))(?:[;.:]|$| (?:found|generated|occurred)\b)|^(?:[Ff]ailed|[Ff]ailures?|[Ee]rrors?|FAILED)(?: \w+)? *[:=] *[1-9]\d*(?:$|[ ,;])|\b[1-9]\d* computed checksums? did NOT match\b",
            "1 errors; 2895 distinct packages available",
            "0 errors; 2895 distinct packages available",
        ),
        Row(
            "exit code",
            r"(?i)\b(?:exit|return|error)[ -]?(?:code|status)(?: of| was| is)?\W{0,2} ?[1-9]\d{0,2}\b(?:[^.\d]|$)|\bexit(?:ed)? (?:with )?(?:status |code )?[1-9]\d{0,2}(?:$|\)|; not expected)|\bexit status \d+; not expected\b|^(?:Ran|Command|The command) .* returned [1-9]\d*$|\breturned [1-9]\d* instead of\b|\b(?:retcode|exitcode|rc): [1-9]\d{0,2}$",
            "exited: queue-daemon (exit status 0; not expected)",
            "exited: queue-daemon (exit status 0; expected)",
        ),
        Row(
            "uncaught exception",
            r"^(?:[\w.\\]+[.\\])?[A-Z]\w*(?:Error|Exception)(?:\.|:)?$|(?:^|[:>\]] )(?:[A-Za-z_]\w*(?:::|\.|\\))+\w*(?:Error|Exception|Exceptions(?:::|\.|\\)\w+)(?:: |$)|\b[Ee]xception in [a-z]\w+: |^(?:\w+(?:::|\.|\\))*(?:[Ee]xceptions?|[Ee]rrors?)(?:::|\.|\\)\w+: |^[A-Z]\w*(?:::[A-Z]\w*)+: [A-Z]",
            "  RuntimeError",
            "RuntimeErrors are counted",
        ),
        Row(
            "powershell error",
            r"^\s*\+ (?:FullyQualifiedErrorId|CategoryInfo) +: \S|^(?:[A-Z][A-Za-z]+-[A-Z]\w+|[a-z][\w.-]+) : (?:The|Cannot|Could|Unable|Access|Exception|A|An|Failed|No|Invalid|Error)\b",
            "Invoke-WebRequest : The operation has timed out.",
            "Get-Service : Running",
        ),
    ),
}
