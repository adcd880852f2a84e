"""What programs print when they cannot reach, or are refused by, another machine: downloads, names, certificates, git, SSH."""

from __future__ import annotations

from runners.logs.patterns import Row, Table

NETWORK: Table = {
    "curl": (
        Row(
            "curl failed",
            r"\bcurl: \(\d+\) ",
            "curl: (22) The requested URL returned error: 404",
            "curl: try 'curl --help' for more information",
        ),
    ),
    "wget": (
        Row(
            "wget failed",
            r"^\S+ \S+ ERROR [45]\d\d: |^wget: (?:unable to resolve host|server returned error|can't|bad address|download timed out)|^C\w+ to .*\bfailed: [A-Z]",
            "2026-11-23 12:00:03 ERROR 404: Not Found.",
            "wget: 1 file was saved",
        ),
    ),
    "network": (
        Row(
            "name not resolved",
            r"\bTemporary failure (?:in name resolution|resolving )|\bCould not resolve host|\bgetaddrinfo (?:ENOTFOUND|EAI_AGAIN)\b|\bno such host$",
            "ssh: Could not resolve hostname github.com: Temporary failure in name resolution",
            "resolves the host names of the cluster",
        ),
        Row(
            "not connected",
            r"\bconnect (?:ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH)\b|\bread ECONNRESET\b|\bdial tcp\b.*(?:timeout|refused|unreachable)|^[\w./-]+: .*\bConnection (?:refused|timed out|reset by peer)\.?$",
            "Error: connect ECONNREFUSED 127.0.0.1:5432",
            "connects to 127.0.0.1:5432",
        ),
        Row(
            "timed out",
            r"\bcontext deadline exceeded\b|\b(?:TLS handshake|i/o) timeout$",
            "waiting for the load balancer: context deadline exceeded",
            "the deadline of the context is 30 s",
        ),
    ),
    "tls": (
        Row(
            "certificate refused",
            r"\bcertificate verify failed\b|\bx509: certificate |\bSSL certificate problem\b|\bSSL_ERROR_\w+",
            "fetch: SSL certificate problem: unable to get local issuer certificate",
            "the certificate was verified",
        ),
        Row(
            "certificate refused",
            r"\bunable to get local issuer certificate\b|\bcertificate has expired\b|\bSome challenges have failed\b",
            "certificate has expired",
            "the certificate expires in 40 days",
        ),
    ),
    "git": (
        # "fatal: [host]" is Ansible's.
        Row(
            "git failed",
            r"^fatal: [^\[ ]",
            "fatal: repository 'https://github.com/o/r.git/' not found",
            "git reports nothing fatal: ready",
        ),
        Row(
            "git failed",
            r"^error: (?:failed to push some refs|pathspec '.*' did not match|RPC failed|Your local changes|cannot lock ref|could not apply)",
            "error: pathspec 'stagin' did not match any file(s) known to git",
            "pathspec 'staging' matched 3 files",
        ),
        Row(
            "git failed",
            r"^remote: (?:Repository not found|Permission to .* denied|Invalid username|error: )|^! \[(?:remote )?rejected\]",
            "remote: Repository not found.",
            "remote: Counting objects: 3, done.",
        ),
        Row(
            "merge conflict",
            r"^CONFLICT \(|^Automatic merge failed",
            "CONFLICT (content): Merge conflict in composer.lock",
            "no conflict (content is equal)",
        ),
    ),
    "ssh": (
        Row(
            "ssh failed",
            r"^Host key verification failed\b|^ssh: (?:connect to host|handshake failed)|\bssh: handshake failed: |^kex_exchange_identification: |^lost connection$|^scp: .*: No such file",
            "Host key verification failed.",
            "Host key verification succeeded",
        ),
        Row(
            "ssh failed",
            r"^Process exited with status [1-9]|\bProcess exited with status [1-9]\d*$",
            "2026/11/23 12:00:00 Process exited with status 127",
            "Process exited with status 0",
        ),
    ),
}
