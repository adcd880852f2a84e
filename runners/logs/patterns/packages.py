"""What package managers print when they fail."""

from __future__ import annotations

from runners.logs.patterns import WEAK, Row, Table

PACKAGES: Table = {
    "apt": (
        Row(
            "package not found",
            r"^E: Unable to locate package ",
            "E: Unable to locate package php8.9-fpm",
            "N: Unable to locate package lists yet",
        ),
        Row(
            "package not found",
            r"^E: (?:Couldn't find any package by|Package '?.*'? has no installation candidate)",
            "E: Package 'awscli' has no installation candidate",
            "Package awscli is a candidate for installation",
        ),
        Row(
            "package not found",
            r"^E: Version '.*' for '.*' was not found$",
            "E: Version '8.0.1' for 'mysql-client' was not found",
            "Version '8.0.1' for 'mysql-client' was found",
        ),
        Row(
            "wrong checksum",
            r"^E: Failed to fetch .*\bHash Sum mismatch\b",
            "E: Failed to fetch http://x/Packages.gz  Hash Sum mismatch",
            "the hash sum matches",
        ),
        Row(
            "download failed",
            r"^(?:E: )?(?:Failed to fetch|Unable to fetch some archives) ?",
            "E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?",
            "W: Failed to fetch http://x/InRelease  Temporary failure",
        ),
        Row(
            "unmet dependencies",
            r"^(?:E: )?(?:Unmet dependencies|The following packages have unmet dependencies)\b",
            "The following packages have unmet dependencies:",
            "all dependencies are met",
        ),
        Row(
            "unmet dependencies",
            r"^E: Unable to correct problems, you have held broken packages",
            "E: Unable to correct problems, you have held broken packages.",
            "no packages are held",
        ),
        Row(
            "package not configured",
            r"^dpkg: error processing (?:package|archive) |^dpkg: (?:fatal )?error: |^dpkg: dependency problems prevent|^dpkg-deb: error: ",
            "dpkg: error processing package mysql-server-8.0 (--configure):",
            "dpkg: warning: files list file is missing",
        ),
        Row(
            "package not configured",
            r"^E: Sub-process .* returned an error code",
            "E: Sub-process /usr/bin/dpkg returned an error code (1)",
            "the sub-process returned code 0",
        ),
        Row(
            "locked",
            r"^E: (?:Could not get lock|Unable to acquire the dpkg) |^debconf: DbDriver .* is locked by another process",
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1432 (unattended-upgr)",
            "Waiting for cache lock: held by process 1432",
        ),
        Row(
            "repository refused",
            r"^E: The repository '.*' (?:does not have a Release file|is not signed|no longer has)",
            "E: The repository 'http://ppa.launchpad.net/x noble Release' does not have a Release file.",
            "W: GPG error: http://ppa.launchpad.net jammy InRelease: key is old",
        ),
        Row(
            "repository refused",
            r"^Cannot add PPA: |^ERROR: '~?\w+' user or team does not exist",
            "Cannot add PPA: 'ppa:~x/ubuntu/php'.",
            "Adding PPA: 'ppa:~x/ubuntu/php'",
        ),
        Row(
            "download failed",
            r"^E: Some index files failed to download",
            "E: Some index files failed to download. They have been ignored, or old ones used instead.",
            "W: Some index files are old",
        ),
        Row(
            "apt error",
            r"^E: .*\b(?:[Uu]nable to|[Cc]ould not|[Ff]ailed to|[Cc]annot|[Ii]nvalid|[Uu]nknown)\b",
            "E: Package manager could not resolve this: unable to go on",
            "W: unable to read the list",
        ),
    ),
    "yum": (
        Row(
            "package not found",
            r"^No package \S+ available\.?$|^No match for argument: |^(?:Error: )?Unable to find a match: |^No matching packages? to (?:list|install)",
            "No package php83-fpm available.",
            "Package php83-fpm is available",
        ),
        Row(
            "repository refused",
            r"\bCannot find a valid baseurl for repo\b|^Error(?:s during downloading metadata|: Failed to download metadata) for repo|\[Errno 14\] HTTPS? Error [45]\d\d|^Public key for .* is not installed",
            "Error: Failed to download metadata for repo 'epel': Cannot download repomd.xml",
            "metadata for repo 'epel' was downloaded",
        ),
        Row(
            "unmet dependencies",
            r"^Error: Package: |^\s*Problem(?: \d+)?: (?:conflicting requests|package |cannot install)|^ - nothing provides ",
            "Error: Package: php-8.3-1.el7.x86_64 (remi)",
            "Package: php-8.3-1.el7.x86_64 (remi) is installed",
        ),
        Row(
            "download failed",
            r"\bNo more mirrors to try\b|^One of the configured repositories failed\b|^Error (?:D|d)ownloading (?:P|p)ackages\b",
            "queue-1.4-0.el9.x86_64: [Errno 256] No more mirrors to try.",
            "Trying other mirror.",
        ),
    ),
    "apk": (
        Row(
            "package not found",
            r"^ERROR: unable to select packages:|^\s*\S+ \((?:no such package|missing)\):|^ERROR: unsatisfiable constraints:",
            "ERROR: unable to select packages:",
            "OK: 12 packages are selected",
        ),
        Row(
            "download failed",
            r"^ERROR: \S+: (?:package mentioned in index not found|temporary error|network error|No such file|IO ERROR|UNTRUSTED signature|BAD (?:signature|archive)|Permission denied|trying to overwrite)",
            "ERROR: php83-8.3.1-r0: package mentioned in index not found (try 'apk update')",
            "OK: php83-8.3.1-r0 is in the index",
        ),
        Row(
            "download failed",
            r"^WARNING: (?:Ignoring|fetching|opening|updating and opening) https?://.*(?:temporary error|No such file|IO ERROR|Permission denied|network error)",
            "WARNING: fetching https://dl-cdn.alpinelinux.org/alpine/v3.20/main: temporary error (try again later)",
            "fetch https://dl-cdn.alpinelinux.org/alpine/v3.20/main/x86_64/APKINDEX.tar.gz",
            WEAK,
        ),
    ),
    "npm": (
        Row(
            "npm error",
            r"^(?:npm|gyp) (?:ERR!|error) ",
            "npm error code E404",
            "npm warn deprecated har-validator@5.1.5: no error is known",
        ),
        Row(
            "npm error",
            r"^(?:\d+ )?(?:ERR!|error) (?:code|errno|syscall|Exit status|[a-z@/.-]+@\S+ \w+: `)",
            "14 error Exit status 1",
            "14 verbose exit 0",
        ),
    ),
    "yarn": (
        Row(
            "yarn error",
            r"^error (?:An unexpected error occurred|Couldn't find |Command failed with exit code|Your lockfile needs|Found incompatible)",
            'error Couldn\'t find package "left-padd" on the registry.',
            "info No lockfile found.",
        ),
        Row(
            "yarn error",
            r"^➤ YN\d+: .*(?:\berror\b|\bfailed\b)|^Usage Error: .*lockfile",
            "➤ YN0009: │ sharp@npm:0.32.6 couldn't be built successfully (exit code 1): failed",
            "➤ YN0000: Done in 3s",
        ),
        Row(
            "pnpm error",
            r"^ERR_PNPM_\w+|^ELIFECYCLE\b|\bERR_PNPM_\w+",
            ' ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with "frozen-lockfile"',
            "Lockfile is up to date, resolution step is skipped",
        ),
    ),
    "pip": (
        Row(
            "pip error",
            r"^ERROR: (?:Could not|No matching distribution|Failed|Cannot|Command errored|Exception|Invalid requirement|Package|ResolutionImpossible|HTTP error|Directory|Double requirement|Ignored)",
            "ERROR: No matching distribution found for boto33",
            "pip 24.0 from /usr/lib/python3 (no ERROR)",
        ),
        Row(
            "pip error",
            r"^error: (?:subprocess-exited-with|externally-managed-env|metadata-generation-failed|command '.*' failed)|^"
            "\u00d7"
            r" (?:python setup|Getting requirements|Building|pip subprocess|Encountered|Preparing|This environment)",
            "error: externally-managed-environment",
            "the environment is managed externally",
        ),
        Row(
            "version conflict",
            r"^Because .* version solving failed|^(?:Solver|Version)\w*Error$|^"
            "\u00d7"
            r" No solution found when resolving",
            "Because x depends on y (>=2) which doesn't match any versions, version solving failed.",
            "Resolved 12 packages in 3ms",
        ),
        Row(
            "version conflict",
            r"\bversion solving failed\b",
            " versions, version solving failed.",
            " versions, the versions were solved.",
        ),
    ),
    "composer": (
        Row(
            "composer error", r"^\s*\[(?:\w+\\)*\w*(?:Exception|Error)\]\s*$", "  [RuntimeException]  ", "  [Runtime]  "
        ),
        Row(
            "unmet dependencies",
            r"^\s*(?:Your requirements could not be resolved to an installable set|Your lock file does not contain a compatible set)|^\s*- Root composer\.json requires ",
            "  Your requirements could not be resolved to an installable set of packages.",
            "  Your requirements were resolved",
        ),
        Row(
            "unmet dependencies",
            r"^\s*- The requested package \S+ could not be found",
            "    - The requested package acme/billing could not be found in any version",
            "    - The requested package acme/billing was found",
        ),
        Row(
            "composer error",
            r"^\s*(?:Script .* returned with error code|Could not scan for classes|Could not open input file:|Composer could not find a composer\.json) ?",
            "Script @php artisan package:discover handling the post-autoload-dump event returned with error code 1",
            "Script @php artisan package:discover was run",
        ),
        Row(
            "unmet dependencies",
            r"^- .*\b(?:is missing from your system|does not satisfy that requirement)\b",
            "    - The requested PHP extension ext-mbstring * is missing from your system.",
            "    - The requested PHP extension ext-mbstring * is there.",
        ),
    ),
    "gem": (
        Row(
            "gem error",
            r"^ERROR:  (?:Could not|While executing|Error installing|Failed to build|Loading)",
            "ERROR:  Could not find a valid gem 'bundlr' (>= 0) in any repository",
            "Successfully installed bundler-2.5.1",
        ),
    ),
    "bundler": (
        Row(
            "bundler error",
            r"^(?:An error occurred while installing|Could not find (?:gem|compatible versions)|Bundler could not find|bundler: (?:failed|command not found)|Your (?:Ruby version is|bundle is locked)) ?|^Could not find \S+ in (?:any of the sources|locally installed gems)",
            "An error occurred while installing mysql2 (0.5.5), and Bundler cannot continue.",
            "Bundle complete! 12 Gemfile dependencies",
        ),
    ),
}
