"""What compilers, runtimes, build tools and test runners print when they fail."""

from __future__ import annotations

from runners.logs.patterns import WEAK, Row, Table

LANGUAGES: Table = {
    "python": (
        Row(
            "traceback",
            r"^Traceback \(most recent call last\):",
            "Traceback (most recent call last):",
            "the traceback has the most recent call",
        ),
        Row(
            "uncaught exception",
            r"^(?:[\w.]+\.)?[A-Z]\w*Error: \S",
            "ModuleNotFoundError: No module named 'boto4'",
            "the ModuleNotFoundError is handled",
        ),
    ),
    "node": (
        Row(
            "uncaught exception",
            r"^(?:Uncaught |Unhandled )?Error \[ERR_\w+\]: ",
            "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'vite'",
            "handles each TypeError: ready",
        ),
        Row(
            "build failed",
            r"^(?:Module not found: |Failed to compile\.?$|ERROR in |\S{1,4} \[ERROR\] |error during build:|Build error occurred|> Build failed because of|Error occurred prerendering page|Export encountered errors? )",
            "Module not found: Error: Can't resolve './missing'",
            "Compiled successfully in 3.1s",
        ),
        Row(
            "file not found",
            r"\bENOENT: no such file or directory\b|\bEACCES: permission denied\b|\bEADDRINUSE\b",
            "Error: ENOENT: no such file or directory, open '/srv/app/.env'",
            "no such file is needed: ENOENT is handled",
        ),
    ),
    "format": (
        Row(
            "not formatted",
            r"^Diff in \S+:\d+|^Diff in \S+ at line \d+|^\[warn\] Code style issues found|^would reformat \S|^\d+ files? would be reformatted",
            "Diff in /srv/app/src/lib.rs:12:",
            "All matched files use Prettier code style!",
        ),
        Row(
            "check failed",
            r"^Found [1-9]\d* errors?\b",
            "Found 3 errors in 2 files (checked 14 source files)",
            "Found 0 errors in 2 files",
        ),
    ),
    "eslint": (
        Row(
            "lint error",
            r"^✖ \d+ problems? \([1-9]\d* errors?",
            "✖ 12 problems (3 errors, 9 warnings)",
            "✖ 9 problems (0 errors, 9 warnings)",
        ),
    ),
    "tsc": (
        Row(
            "compile error",
            r"\berror TS\d{4,5}: ",
            "src/app.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.",
            "TS2322 is switched off",
        ),
        Row(
            "compile error",
            r"^Type error: \S",
            "Type error: Property 'x' does not exist on type 'y'.",
            "the type has no error: ready",
        ),
    ),
    "php": (
        Row(
            "php error",
            r"^(?:PHP )?(?:Fatal|Parse) error: +\S|^(?:PHP )?Uncaught \S*(?:Exception|Error)",
            'PHP Fatal error:  Uncaught Error: Class "Redis" not found in /var/www/app.php:3',
            "PHP 8.3.1 (cli) (built: Nov  1 2026)",
        ),
        Row(
            "php warning",
            r"^(?:PHP )?Warning: +\S.* in \S+ on line \d+$",
            "PHP Warning:  Undefined variable $x in /srv/app.php on line 3",
            "Warning: this page is old",
            WEAK,
        ),
        Row(
            "uncaught exception",
            r"^In \S+ line \d+:$|^\s*(?:Symfony|Illuminate|Doctrine)\\\S*Exception\b",
            "In Connection.php line 760:",
            "In 3 days, line 2 opens",
        ),
        Row(
            "database error", r"\bSQLSTATE\[\w+\]", "SQLSTATE[HY000] [2002] Connection refused", "the SQLSTATE is 00000"
        ),
        Row(
            "unknown command",
            r'^\s*(?:Command "\S+" is not defined|There are no commands defined in)',
            '  Command "migrate:al" is not defined.',
            'Command "migrate" was run',
        ),
    ),
    "ruby": (
        Row(
            "uncaught exception",
            r"^\S+\.rb:\d+:in [`'].*\(\w+(?:::\w+)*\)$|^rake aborted!|\bcannot load such file -- ",
            "/srv/app/deploy.rb:12:in `run': undefined method `x' for nil (NoMethodError)",
            "/srv/app/deploy.rb:12: warning: x is not used",
        ),
    ),
    "java": (
        Row(
            "uncaught exception",
            r'^Exception in thread "|^Caused by: [\w.$]+(?:Exception|Error)\b|^(?:[a-z]\w*\.)+\w+(?:Exception|Error)(?:: |$)',
            'Exception in thread "main" java.lang.NoClassDefFoundError: org/x/Y',
            "the exception in thread main is handled",
        ),
        Row(
            "compile error",
            r"\.(?:java|kt|scala):\d+: error: |^e: (?:file://)?\S+\.kt",
            "src/main/java/App.java:12: error: cannot find symbol",
            "App.java:12: warning: [deprecation] x",
        ),
    ),
    "sbt": (
        Row(
            "build failed",
            r"^\[error\] \S",
            "[error] (compile / compileIncremental) Compilation failed",
            "[info] no error is known",
        ),
    ),
    "maven": (
        Row(
            "build failed",
            r"^\[ERROR\] (?:Failed to execute goal|COMPILATION ERROR|\S+\.java:\[\d+|The build could not read|Non-resolvable|Could not find)",
            "[ERROR] Failed to execute goal org.apache.maven.plugins:maven-compiler-plugin:3.11.0:compile",
            "[INFO] BUILD SUCCESS",
        ),
    ),
    "gradle": (
        Row(
            "build failed",
            r"^FAILURE: Build (?:failed|completed) with|^BUILD FAILED in |^> Task \S+ FAILED$|^Execution failed for task|^\* What went wrong:|^> (?:Could not|Compilation failed|No matching)",
            "> Task :app:compileJava FAILED",
            "> Task :app:compileJava UP-TO-DATE",
        ),
    ),
    "go": (
        Row(
            "build failed",
            r"^(?:vet: )?\S+\.go:\d+:\d+: |^go: .*(?:not found|cannot|unknown|invalid|missing|disabled|requires)\b|\bno required module provides package\b",
            "./main.go:12:4: undefined: deploy",
            "go: downloading golang.org/x/sync v0.7.0",
        ),
        Row(
            "panic",
            r"^panic: |^goroutine \d+ \[|^fatal error: \w",
            "panic: runtime error: index out of range [3] with length 3",
            "do not panic: all is well",
        ),
    ),
    "cargo": (
        Row(
            "cargo error",
            r"^error: (?:could not compile|failed to|linking with|no matching package|aborting due to|process didn't exit|package `|the lock file|no such (?:sub)?command) ?|^error\[E\d{4}\]: |^thread '.*' (?:\(\d+\) )?panicked at ",
            "error: could not compile `openssl-sys` (build script) due to 1 previous error",
            "warning: `openssl-sys` (lib) generated 1 warning",
        ),
    ),
    "c": (
        Row(
            "compile error",
            r"^\S+:\d+(?::\d+)?: (?:fatal )?error: |^collect2(?:\.exe)?: error: |^(?:/usr/bin/)?ld: .*(?:cannot find|undefined|not found)|: undefined reference to |^(?:clang|g?cc|g\+\+|cc1plus)(?:-\d+)?: (?:fatal )?error: ",
            "src/main.c:12:10: fatal error: zip.h: no such header",
            "src/main.c:12:10: warning: x is not used",
        ),
        Row(
            "not configured",
            r"^configure: error: ",
            "configure: error: libjpeg.(a|so) not found.",
            "checking for libjpeg... yes",
        ),
    ),
    "make": (
        Row(
            "make ignored a failure",
            r"^g?make(?:\[\d+\])?: \[.*\] Error \d+ \(ignored\)",
            "make: [Makefile:12: clean] Error 1 (ignored)",
            "make: Error handling is on",
            WEAK,
        ),
        Row(
            "make failed",
            r"^g?make(?:\[\d+\])?: \*\*\* ",
            "make: *** No rule to make target 'dist'.  Stop.",
            "make[1]: Nothing to be done for 'all'.",
        ),
        Row(
            "make failed",
            r"^ninja: (?:build stopped|error)|^FAILED: \S",
            "ninja: build stopped: subcommand failed.",
            "ninja: no work to do.",
        ),
    ),
    "cmake": (
        Row(
            "cmake failed",
            r"^CMake Error\b|^-- Configuring incomplete, errors",
            "CMake Error at CMakeLists.txt:3 (find_package):",
            "CMake Warning at CMakeLists.txt:3",
        ),
    ),
    "tests": (
        Row(
            "tests failed",
            r"^FAILED \S+::|^=+ .*\b[1-9]\d* (?:failed|errors?)\b.* in [\d.]+ ?s|^Tests:\s+[1-9]\d* failed|^\s*[1-9]\d* failing$|^(?:FAILURES|ERRORS)!$|^--- FAIL: |^FAIL(?:\t|$)|^test result: FAILED|\bexamples?, [1-9]\d* failures?|^(?:\[ERROR\] )?Tests run: \d+, (?:Failures: [1-9]|Failures: 0, Errors: [1-9])",
            "========= 2 failed, 140 passed in 12.31s =========",
            "========= 142 passed in 12.31s =========",
        ),
        Row("tests failed", r"^FAIL:? \S", "FAIL src/app.test.js", "PASS src/app.test.js"),
    ),
}
