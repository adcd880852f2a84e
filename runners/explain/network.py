"""Causes between machines: rate limits, downloads, names, certificates, credentials of other services."""

from __future__ import annotations

from runners.explain.rows import CauseRow

NETWORK: tuple[CauseRow, ...] = (
    CauseRow(
        "rate limit: GitHub",
        r"\bAPI rate limit (?:already )?exceeded\b|\byou have exceeded a secondary rate limit\b|\bYou have exceeded a secondary rate limit\b|\bsecondary rate limit\. ",
        "GitHub limits the rate of requests of this token or address",
        "Wait until the limit resets (an hour at most), or give the program a token: without one the limit is 60 an hour.",
        "API rate limit exceeded for 203.0.113.7. (But here's the good news: Authenticated requests get a higher rate limit.)",
        "API rate limit: 4998 of 5000 remain",
    ),
    CauseRow(
        "rate limit: image registry",
        r"\btoomanyrequests: |\breached your (?:unauthenticated )?pull rate limit\b",
        "the image registry limits pulls",
        "Log in to the registry before pulling, or use a mirror. Or wait: Docker Hub counts the last six hours.",
        "Error response from daemon: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading",
        "pull rate limit: 98 of 100 remain",
    ),
    CauseRow(
        "rate limit",
        r"\b(?:HTTP(?:/[\d.]+)?|status(?: code)?|error|Error|returned|E)[ :]*429\b|\b429 (?:Client Error: )?Too [Mm]any [Rr]equests\b|\bcode E429\b",
        "a server limits the rate of requests",
        "Wait some minutes, then run it again.",
        "npm error code E429\nnpm error 429 Too Many Requests - GET https://packages.example.com/left-pad",
        "429 tests passed",
    ),
    CauseRow(
        "git credentials",
        r"^(?:fatal: )?(?:.*: )?(?:Authentication failed for '(\S+?)'|could not read Username for '(\S+?)')|^remote: (?:Repository not found|Write access to repository not granted|Permission to \S+ denied to |Invalid username or (?:password|token)|Support for password authentication was removed)",
        "git has no valid credentials for {what}",
        "Check the token or deploy key, whether it has expired, and that it may read that repository.",
        "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
        "git authentication: ok",
    ),
    CauseRow(
        "GitHub permission",
        r"\bResource not accessible by (?:integration|personal access token)\b|\brefusing to allow (?:a|an) .* to create or update workflow\b",
        "the token of the workflow or App lacks a permission",
        "Add it under `permissions` of the workflow, or in the App's settings.",
        "HttpError: Resource not accessible by integration",
        "Resource is accessible by the integration",
    ),
    CauseRow(
        "registry credentials",
        r"\b(?:unauthorized: (?:authentication required|incorrect username or password)|no basic auth credentials|denied: (?:requested access to the resource is denied|Your authorization token has expired))|\bnpm (?:error|ERR!) code E40[13]\b",
        "the registry refuses the credentials, or there are none",
        "Log in to the registry in an earlier step; tokens of ECR last twelve hours.",
        "denied: Your authorization token has expired. Reauthenticate and try again.",
        "Login Succeeded",
    ),
    CauseRow(
        "certificate",
        r"\bcertificate has expired\b|\bcertificate verify failed\b|\bx509: certificate |\bSSL certificate problem: |\bunable to get local issuer certificate\b|\bCERT_HAS_EXPIRED\b",
        "a TLS certificate is not accepted",
        "Read its dates and issuer (`openssl s_client -connect HOST:443`); check the clock and the CA certificates of the machine.",
        "curl: (60) SSL certificate problem: certificate has expired",
        "the certificate has 40 days left",
    ),
    CauseRow(
        "name not resolved",
        r"\bCould not resolve host(?:name)?:? '?([\w.-]+)|\b(?:Could not resolve|Temporary failure resolving) '([\w.-]+)'|\bTemporary failure in name resolution\b|\bgetaddrinfo (?:ENOTFOUND|EAI_AGAIN) ([\w.-]+)"
        r"|\blookup ([\w.-]+)(?: on \S+)?: (?:no such host|server misbehaving|i/o timeout)|\bName or service not known\b|\bFailed to resolve '([\w.-]+)'",
        "the name {what} cannot be resolved",
        "Check the spelling, and DNS and network of the machine that printed it.",
        "curl: (6) Could not resolve host: packages.example.com",
        "resolves names of the cluster",
    ),
    CauseRow(
        "database not reached",
        r"\b(?:could not connect to server|connection to server at .* failed): |\bSQLSTATE\[(?:HY000|08006)\] \[(?:2002|2003|2006|7)\]|\bCan't connect to (?:local )?MySQL server\b|\btoo many (?:clients already|connections)\b|\bToo many connections\b",
        "the database does not take the connection",
        "Check that it runs, its security group, and how many connections are open.",
        "SQLSTATE[HY000] [2002] Connection refused",
        "connected to the database as app",
    ),
    CauseRow(
        "package does not exist",
        r"^E: (?:Unable to locate package (\S+)|Package '?([\w.+-]+)'? has no installation candidate|Version '.*' for '(\S+)' was not found)"
        r"|\bNo package (?:matching )?'?([\w.+-]+)'? (?:is )?available\b|\bNo matching distribution found for (\S+)|\bnpm (?:error|ERR!) 404 +'?(@?[\w./-]+@?[\w.^~-]*)'? is not in (?:this|the npm) registry",
        "there is no package {what}",
        "Check name and version; refresh the package lists (`apt-get update`) before.",
        "E: Unable to locate package php8.9-fpm",
        "php8.4-fpm is already the newest version",
    ),
    CauseRow(
        "package download",
        r"^E(?:rror)?: (?:Failed to fetch |Unable to fetch some archives)|\b(?:Failed to download metadata for repo|Cannot find a valid baseurl for repo|Error: Failed to download packages)\b|\bCannot download .*repomd\.xml\b"
        r"|\bnpm (?:error|ERR!) (?:code )?(?:ETIMEDOUT|ECONNRESET|ENOTFOUND|EAI_AGAIN)\b|\bcurl error \d+ while downloading |\bReadTimeoutError\(.*pypi|\bFailed to update apt cache\b",
        "packages could not be downloaded",
        "Run it again; if it fails again, check the mirror that is named, and the machine's network.",
        "E: Failed to fetch http://eu-west-1.ec2.archive.ubuntu.com/ubuntu/pool/main/c/curl/curl_8.5.0_amd64.deb  404  Not Found [IP: 52.17.1.2 80]",
        "Fetched 12.4 MB in 2s (6,012 kB/s)",
    ),
    CauseRow(
        "no connection",
        r"\bdial tcp ([\w.:\[\]-]+)?:? .*(?:i/o timeout|connection refused|no route to host|network is unreachable)|\bconnect (?:ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH) (\S+)"
        r"|\bFailed to connect to (\S+) port \d+|^(?:[\w./-]+: )*.*\b(?:Connection refused|Connection timed out|No route to host|Network is unreachable)\.?$"
        r"|\bClient\.Timeout exceeded while awaiting headers\b|\bTLS handshake timeout\b",
        "{what} does not answer",
        "Check that the service runs there, and security groups and proxies in between.",
        "curl: (7) Failed to connect to 10.0.1.12 port 8080 after 3 ms: Couldn't connect to server",
        "connection to 10.0.1.12 port 8080 succeeded",
    ),
)
