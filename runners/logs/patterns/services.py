"""What the tools of deploys, and the services that they configure, print when they fail."""

from __future__ import annotations

from runners.logs.patterns import WEAK, Row, Table

SERVICES: Table = {
    "ansible": (
        Row(
            "failed task",
            r"^(?:fatal|failed): \[[^\]]+\](?:: (?:FAILED|UNREACHABLE)!|: \S| \(item=)",
            'fatal: [default]: FAILED! => {"changed": false}',
            "ok: [default] => (item=fatal)",
        ),
        Row(
            "failed task",
            r"^\S+ +: .*\bu\w+=(?:[1-9]\d* +failed=\d|\d+ +failed=[1-9])",
            "default                    : ok=12   changed=9    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0",
            "default : ok=12   changed=9    unreachable=0    failed=0    skipped=3    rescued=0    ignored=0",
        ),
        Row(
            "ignored errors",
            r"^\S+ +: ok=\d+ .*\bfailed=0 .*\bignored=[1-9]",
            "default : ok=12   changed=9    unreachable=0    failed=0    skipped=3    rescued=0    ignored=2",
            "default : ok=2   changed=9    unreachable=0    failed=0    skipped=3    rescued=0    ignored=0",
            WEAK,
        ),
        Row(
            "playbook not read",
            r"^ERROR! \S|^\[ERROR\]: \S",
            "ERROR! the role 'nginx' was not found in /root/roles",
            "[WARNING]: the role is old",
        ),
        Row(
            "failed task",
            r"^\S+ \| (?:FAILED|UNREACHABLE)(?:!| \|)",
            "web1 | FAILED | rc=2 >>",
            "web1 | CHANGED | rc=0 >>",
        ),
        Row(
            "program missing",
            r"^The command was not found or was not executable: \S",
            "The command was not found or was not executable: ansible-playbook.",
            "The command was found: ansible-playbook.",
        ),
        Row("no hosts", r"^skipping: no hosts matched$", "skipping: no hosts matched", "skipping: [default]", WEAK),
    ),
    "packer": (
        # "Error executing Ansible" is a summary.
        Row(
            "provisioner failed",
            r"^==> [\w.-]+: (?:Error (?:[^e]|e[^x])|error: |Timeout waiting for |Failed )",
            "==> amazon-ebs.cron: Error stopping instance: refused",
            "==> amazon-ebs.cron: Stopping the source instance...",
        ),
        Row(
            "plugin missing",
            r"^Failed (?:getting|preparing) (?:the |provisioner)|^Missing plugins$",
            'Failed getting the "github.com/hashicorp/amazon" plugin:',
            "Installed plugin github.com/hashicorp/amazon v1.3.0",
        ),
    ),
    "systemd": (
        Row(
            "service failed",
            r"^(?:systemd\[\d+\]: )?Failed to (?:start|restart|reload|enable|stop|disable|mask|connect to bus)\b",
            "Failed to restart queue-daemon.service: Unit queue-daemon.service not found.",
            "Started queue-daemon.service",
        ),
        Row(
            "service failed",
            r"\bsystemd(?:\[\d+\])?: .*(?:Failed at step \w+ spawning |[Mm]ain process exited, code=exited, status=[1-9])|^Failed at step \w+ spawning |^\S+\.service: [Mm]ain process exited, code=exited, status=[1-9]",
            "systemd[1]: api.service: main process exited, code=exited, status=203/EXEC",
            "systemd[1]: api.service: main process exited, code=exited, status=0/SUCCESS",
        ),
        Row(
            "service failed",
            r"^Job for \S+ failed because\b|\bentered failed state\b|\bFailed with result '|^Unit \S+ (?:could not be found|not found)\.?$",
            "Job for nginx.service failed because the control process exited with error code.",
            "Job for nginx.service finished",
        ),
        Row(
            "service failed",
            r"^Active: failed \(|: Start request repeated too quickly|code=(?:exited|killed|dumped), status=[1-9]",
            "   Active: failed (Result: start-limit-hit) since Tue 2026-11-24 14:33:06 UTC; 17ms ago",
            "   Active: active (running) since Tue 2026-11-24 14:33:06 UTC; 17ms ago",
        ),
    ),
    "supervisor": (
        Row(
            "service failed",
            r"^[\w:-]+: ERROR \((?:spawn error|no such (?:process|file|group)|abnormal termination|not running)\)|^error: <class '(?:socket|FileNotFound|xmlrpc)|^\[PM2\]\[ERROR\]",
            "queue-daemon: ERROR (spawn error)",
            "queue-daemon: started",
        ),
        Row(
            "service failed",
            r"\bspawnerr: |\bgave up: \S+ entered FATAL state|\bexited too quickly\b",
            "INFO gave up: queue-daemon entered FATAL state, too many start retries too quickly",
            "INFO success: queue-daemon entered RUNNING state",
        ),
    ),
    "salt": (Row("state failed", r"^Result: False$", "      Result: False", "      Result: True"),),
    "cloud-init": (
        Row(
            "user data not run",
            r"\bUnhandled (?:non-multipart|unknown content-type)\b",
            "__init__.py[WARNING]: Unhandled non-multipart (text/x-not-multipart) userdata: 'yum install jq'",
            "__init__.py[DEBUG]: Calling handler for multipart userdata",
        ),
    ),
    "nginx": (
        Row(
            "service failed",
            r"^(?:Starting nginx: |Restarting nginx: )?nginx: (?:\[(?:emerg|alert|crit)\]|configuration file .* test failed)|\[emerg\] \d+#\d+: ",
            'nginx: [emerg] unknown directive "sever" in /etc/nginx/nginx.conf:3',
            "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok",
        ),
        Row(
            "service failed",
            r"^(?:apache2|httpd|apachectl): Syntax error|^AH\d{5}: Syntax error|^\(98\)Address already in use",
            "AH00526: Syntax error on line 3 of /etc/apache2/apache2.conf:",
            "AH00558: apache2: Could not determine the server's name",
        ),
    ),
    "aws": (
        Row(
            "aws error",
            r"\bAn error occurred \(\w+\) when calling the \w+ operation|^Waiter \w+ failed: ",
            "Waiter InstanceRunning failed: Max attempts exceeded",
            "waits until the instance is running",
        ),
        Row(
            "aws error",
            r"\b(?:Unable to locate credentials|api error \w+: |is not authorized to perform: |UnauthorizedOperation\b|ExpiredToken(?:Exception)?\b|InvalidClientTokenId\b|The security token included in the request is )",
            'Unable to locate credentials. You can configure credentials by running "aws configure".',
            "the credentials are in the role",
        ),
        Row(
            "aws error",
            r"\b(?:CREATE|UPDATE|DELETE|IMPORT|ROLLBACK|BUILD|DEPLOY(?:MENT)?)_FAILED\b|\bAccessDenied(?:Exception)?: |^(?:upload|download|copy|delete) failed: |^Could not connect to the endpoint URL|^Parameter validation failed:",
            "upload failed: ./x.tgz to s3://bucket/x.tgz",
            "upload: ./x.tgz to s3://bucket/x.tgz",
        ),
    ),
    "cloud": (
        Row(
            "cloud error",
            r"^ERROR: \((?:gcloud|bq)\.|^Error from server(?: \(\w+\))?: |^error: (?:unable to|the server|error validating|no objects passed|deployment .* exceeded)|\b(?:ImagePullBackOff|CrashLoopBackOff|ErrImagePull)\b|\b\d+/\d+ +(?:Init:)?Error\b|\bexceeded its progress deadline\b",
            'Error from server (NotFound): deployments.apps "web" not found',
            "deployment.apps/web configured",
        ),
    ),
    "docker": (
        Row(
            "docker error",
            r"^Error response from daemon: |^docker: Error response|^(?:ERROR: )?Cannot connect to the Docker daemon|^error during connect: |^request returned .* for API route",
            "Error response from daemon: no such image",
            "daemon: ready",
        ),
        Row(
            "build failed",
            r"^(?:ERROR: )?failed to (?:solve|build|receive status)\b|^target \S+: failed to solve|^#\d+ ERROR: |^ERROR: process \"|\bdid not complete successfully: exit code: [1-9]|^ERROR: failed to (?:push|copy|fetch)|^ERROR \[[^\]]+\] ",
            'ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1',
            "#9 DONE 3.1s",
        ),
        Row(
            "build failed",
            r"^The command '.*' returned a non-zero code: |^(?:COPY|ADD) failed: |^unable to prepare context: |^Dockerfile:\d+$|^(?:ERROR: )?failed to compute cache key",
            "The command '/bin/sh -c npm ci' returned a non-zero code: 1",
            "Successfully built 4f2a1c",
        ),
        Row(
            "build failed",
            r"^(?:ERROR: )?Service '[^']+' failed to build",
            "Service 'web' failed to build: the base image is for another platform",
            "Service 'web' builds in 3 s",
        ),
        Row(
            "image refused",
            r"\bpull access denied\b|^denied: |^unauthorized: |\bmanifest unknown\b|^toomanyrequests: ",
            "denied: requested access to the resource is denied",
            "access was not denied: pushed",
        ),
        Row(
            "container failed",
            r"^\S+ exited with code [1-9]|^dependency failed to start: |\bcontainer \S+ is unhealthy\b|^no configuration file provided|^ERROR: for \S+  \S|^Encountered errors while bringing up",
            "web-1 exited with code 127",
            "web-1 exited with code 0",
        ),
    ),
    "tool": (Row("error", r"^(?:[│|] )?Error: \S", "│ Error: Unsupported argument", "Errors: 0"),),
    "mysql": (
        Row(
            "database error",
            r"^ERROR \d{4} \(\w{5}\)|^mysqldump: (?:Got error|Couldn't|Error)|^mysqladmin: ",
            "ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: NO)",
            "mysql: [Warning] Using a password on the command line interface can be insecure.",
        ),
    ),
    "postgres": (
        Row(
            "database error",
            r"^(?:psql: |psql:\S+:\d+: )?(?:ERROR|FATAL|PANIC):  \S|^psql: (?:error|could not)",
            'psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed',
            "psql (PostgreSQL) 16.1",
        ),
        Row(
            "database error",
            r"^(?:pg_(?:dump|restore|ctl|basebackup|upgrade)|createdb|createuser|dropdb|initdb|vacuumdb): (?:error|fatal|could not)",
            "pg_restore: error: could not open input file",
            "pg_restore: creating TABLE x",
        ),
    ),
    "database": (
        Row(
            "not connected",
            r"^Could not connect to Redis\b|\bMongo(?:Network|Server|ServerSelection|oseServerSelection)?Error\b|\bMongooseServerSelectionError\b",
            "Could not connect to Redis at 127.0.0.1:6379",
            "connects to Redis at 127.0.0.1:6379",
        ),
    ),
}

# The tool's own error message says more than these, so they come last.
SUMMARIES: Table = {
    "packer": (
        Row(
            "build failed",
            r"^(?:==> \S+: )?Build '[^']+' errored\b|^--> [\w.-]+: (?:Script exited|[Ee]rror)",
            "Build 'amazon-ebs.cron' errored after 4 minutes 12 seconds: Script exited",
            "Build 'amazon-ebs.cron' finished after 4 minutes",
        ),
        Row(
            "build failed",
            r"^==> Some builds didn't complete successfully",
            "==> Some builds didn't complete successfully and had errors:",
            "==> Builds finished. The artifacts of successful builds are:",
        ),
        Row(
            "provisioner failed",
            r"^==> [\w.-]+: (?:Error executing Ansible|Provisioning step had errors|Script exited with)",
            "==> amazon-ebs.cron: Provisioning step had errors: Running the cleanup provisioner",
            "==> amazon-ebs.cron: Provisioning with Ansible...",
        ),
    ),
    "github": (
        Row(
            "marked as an error",
            r"^##\[error\]",
            "##[error]Unable to process file command 'output' successfully.",
            "##[warning]Unable to restore the cache",
        ),
    ),
    "maven": (Row("build failed", r"^\[INFO\] BUILD FAILURE", "[INFO] BUILD FAILURE", "[INFO] BUILD SUCCESS"),),
    "node": (
        Row(
            "uncaught exception",
            r"^(?:node:internal/|internal/modules/)\S+:\d+$|\bUnhandledPromiseRejection(?:Warning)?\b|^triggerUncaughtException\(|^\s*throw (?:err|error|er|new Error\(.*\));?(?: //.*)?$",
            "node:internal/modules/cjs/loader:1147",
            "node:internal/modules is preloaded",
        ),
    ),
    "tool": (
        Row(
            "reported as failed",
            r"^(?:Build|Deploy|Deployment|Installation|Compilation|Migration|Application bundle generation) (?:failed|FAILED)\b|^(?:❌|✗|✖|✘|"
            "\u2a2f"
            r") .*\b(?:[Ff]ailed|[Ff]ailure|[Ee]rror|missing)\b(?: .*|: *[A-Za-z'/(].*)?$",
            "❌ Deploy failed: the worker was restarted",
            "✓ Deploy: 0 failed",
        ),
        Row(
            "exit code",
            r"\b(?:exited with |exit )(?:code|status)(?: of)?:? [1-9]\d{0,2}\b|\bnon-zero exit (?:code|status)\b",
            "the hook failed with exit code 3",
            "the exit code is 0",
        ),
        Row(
            "logged as an error",
            r"^\[?(?:ERROR|FATAL|CRITICAL)\]?[: ]\s*\S|^SEVERE: \S",
            "[ERROR] the queue is not there",
            "[INFO] the error log is empty",
        ),
        Row("marked as failed", r"^(?:❌|✗) [A-Z]", "❌ Deploy to staging", "✓ Deploy to staging", WEAK),
    ),
}
