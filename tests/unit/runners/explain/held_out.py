"""Outputs that the table of causes was not written from, each with the cause that a person reads in it; "" for none of the well-known ones.

They follow outputs that people posted with issues, in forums and in manuals, shortened and with other names.
"""

from __future__ import annotations

HELD_OUT: tuple[tuple[str, str], ...] = (
    (
        (
            "\u2577\n\u2502 Error: error creating DynamoDB Table: AccessDeniedException: User: arn:aws:iam::111122223333:user/ana is not authorized to\n"
            "\u2502 perform: dynamodb:CreateTable on resource: arn:aws:dynamodb:us-west-2:111122223333:table/locks\n\u2502 \tstatus code: 400, request id: 399M0A\n\u2502\n"
            '\u2502   with aws_dynamodb_table.locks,\n\u2502   on main.tf line 28, in resource "aws_dynamodb_table" "locks":\n\u2575'
        ),
        "permission denied at AWS",
    ),
    (
        (
            "* aws_instance.web: Error launching source instance: UnauthorizedOperation: You are not authorized to perform this operation. "
            "Encoded authorization failure message: QXdPNaIegKKNwIX54FPm\n        status code: 403, request id: 27db932f"
        ),
        "permission denied at AWS",
    ),
    (
        (
            "\u2502 Error: collecting instance settings: reading EC2 Instance Type (t2.micro): UnauthorizedOperation: You are not authorized to perform this operation.\n"
            "\u2502       status code: 403, request id: 0d394442"
        ),
        "permission denied at AWS",
    ),
    (
        "fatal error: An error occurred (403) when calling the HeadObject operation: Forbidden",
        "permission denied at AWS",
    ),
    (
        "upload failed: ./a.tgz to s3://releases/a.tgz An error occurred (AccessDenied) when calling the PutObject operation: Access Denied",
        "permission denied at AWS",
    ),
    (
        "Error: error using credentials to get account ID: error calling sts:GetCallerIdentity: InvalidClientTokenId: The security token included in the request is invalid.\nstatus code: 403, request id: 12",
        "credentials not valid",
    ),
    (
        "Error: Error creating DB Instance: ExpiredToken: The security token included in the request is expired\n\tstatus code: 403",
        "credentials expired",
    ),
    (
        "An error occurred (ExpiredTokenException) when calling the GetAuthorizationToken operation: The security token included in the request is expired",
        "credentials expired",
    ),
    ("Error when retrieving token from sso: Token has expired and refresh failed", "credentials expired"),
    (
        (
            "\u2502 Error: No valid credential sources found\n\u2502 \n\u2502 Please see https://registry.terraform.io/providers/hashicorp/aws for more information about providing credentials.\n\u2502 \n"
            "\u2502 Error: failed to refresh cached credentials, no EC2 IMDS role found, operation error ec2imds: GetMetadata, request canceled, context deadline exceeded"
        ),
        "no credentials",
    ),
    (
        "##[error]Credentials could not be loaded, please check your action inputs: Could not load credentials from any providers",
        "no credentials",
    ),
    ("botocore.exceptions.NoCredentialsError: Unable to locate credentials", "no credentials"),
    (
        'wildfly2 | UNREACHABLE! => {\n    "changed": false, \n    "msg": "Failed to connect to the host via ssh: ssh: connect to host 34.240.6.124 port 22: Connection timed out\\r\\n", \n    "unreachable": true\n}',
        "host unreachable",
    ),
    (
        'fatal: [app5]: UNREACHABLE! => {"changed": false, "msg": "Failed to connect to the host via ssh: Connection timed out during banner exchange\\r\\n", "unreachable": true}',
        "host unreachable",
    ),
    (
        'fatal: [10.10.10.3]: UNREACHABLE! => {\n    "changed": false,\n    "msg": "Failed to connect to the host via ssh: Shared connection to 10.10.10.3 closed.\\r\\n",\n    "unreachable": true\n}',
        "host unreachable",
    ),
    (
        'fatal: [web1]: UNREACHABLE! => {"changed": false, "msg": "Failed to connect to the host via ssh: deploy@web1: Permission denied (publickey,password).", "unreachable": true}',
        "SSH refuses the key",
    ),
    (
        'fatal: [web1]: UNREACHABLE! => {"changed": false, "msg": "Failed to connect to the host via ssh: Host key verification failed.", "unreachable": true}',
        "host key differs",
    ),
    (
        "==> amazon-ebs: Error waiting for SSH: Packer experienced an authentication error when trying to connect via SSH. err: ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], no supported methods remain",
        "SSH refuses the key",
    ),
    (
        "==> amazon-ebs: Timeout waiting for SSH.\n==> amazon-ebs: Terminating the source AWS instance...",
        "host unreachable",
    ),
    (
        "aws_instance.web (remote-exec): Connecting to remote host via SSH...\nError: timeout - last error: dial tcp 10.0.0.5:22: i/o timeout",
        "host unreachable",
    ),
    (
        "2024-08-05T16:48:56.9271701Z  redpanda Error toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit",
        "rate limit",
    ),
    (
        "#2 ERROR: failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/python/manifests/sha256:4ed3: 429 Too Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit.",
        "rate limit",
    ),
    ("Error: You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", "rate limit"),
    (
        "Error: GET https://api.github.com/repos/o/r/releases/latest: 403 API rate limit exceeded for installation ID 12. [rate reset in 14m03s]",
        "rate limit",
    ),
    (
        "An error occurred (Throttling) when calling the DescribeStacks operation (reached max retries: 4): Rate exceeded",
        "rate limit",
    ),
    (
        "amazon-ebs: Error querying AMI: InvalidAMIID.NotFound: The image id '[ami-14c5486b]' does not exist\n==> amazon-ebs: \tstatus code: 400, request id: 10f7b28e",
        "no image for the machine",
    ),
    (
        "botocore.exceptions.ClientError: An error occurred (InvalidAMIID.NotFound) when calling the RunInstances operation: The image id '[ami-26fc345b]' does not exist",
        "no image for the machine",
    ),
    (
        '==> amazon-ebs.aws: No AMI was found matching filters: {\n==> amazon-ebs.aws:   Filters: [{\n==> amazon-ebs.aws:       Name: "architecture",',
        "no image for the machine",
    ),
    (
        '\u2577\n\u2502 Error: Your query returned no results. Please change your search criteria and try again.\n\u2502\n\u2502   with module.p4.data.aws_ami.existing,\n\u2502   on data.tf line 7, in data "aws_ami" "existing":\n\u2575',
        "no image for the machine",
    ),
    (
        (
            "\u2502 Error: Failed to query available provider packages\n\u2502 \n\u2502 Could not retrieve the list of available versions for provider hashicorp/local: could not connect to registry.terraform.io: failed to request discovery document: Get\n"
            '\u2502 "https://registry.terraform.io/.well-known/terraform.json": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        ),
        "provider or module download",
    ),
    (
        (
            '\u2502 Error: Failed to download module\n\u2502 \n\u2502   on main.tf line 1:\n\u2502    1: module "vpc" {\n\u2502 \n\u2502 Could not download module "vpc" (main.tf:1) source code from\n'
            '\u2502 "git::ssh://git@github.com/acme/modules.git": error downloading: exit status 128: git@github.com: Permission denied (publickey).'
        ),
        "provider or module download",
    ),
    (
        "\u2577\n\u2502 Error: Error acquiring the state lock\n\u2502 \n\u2502 Error message: operation error S3: PutObject, https response error StatusCode: 412, api error PreconditionFailed: At least one of the pre-conditions\n\u2502 you specified did not hold\n\u2502 Lock Info:\n\u2502   Who:       ci@runner\n\u2575",
        "state lock",
    ),
    (
        "\u2502 Error: error creating Route in Route Table (rtb-04667b) with destination (0.0.0.0/0): RouteAlreadyExists: The route identified by 0.0.0.0/0 already exists.\n\u2502         status code: 400",
        "it exists already",
    ),
    (
        "Error: creating S3 Bucket (assets): operation error S3: CreateBucket, https response error StatusCode: 409, BucketAlreadyOwnedByYou: ",
        "it exists already",
    ),
    ("devctl: ec2 RunInstances: InsufficientInstanceCapacity\n", "no capacity at AWS"),
    (
        "==> amazon-ebs: Error launching source instance: VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket",
        "quota of the AWS account",
    ),
    ("[Tue Sep 16 03:14:22] Out of memory: Killed process 2481 (python3)", "out of memory"),
    (
        "[18492.104] Memory cgroup out of memory: Killed process 4182 (order-worker) total-vm:812044kB, anon-rss:518420kB",
        "out of memory",
    ),
    (
        "Sep 15 12:08:17 web1 systemd[1]: queue.service: A process of this unit has been killed by the OOM killer.",
        "out of memory",
    ),
    (
        "<--- Last few GCs --->\nFATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory",
        "out of memory",
    ),
    ("g++: fatal error: Killed signal terminated program cc1plus", "out of memory"),
    ("##[error]Process completed with exit code 137.", "out of memory"),
    (
        "npm ERR! code ENOSPC\nnpm ERR! syscall write\nnpm ERR! errno -28\nnpm ERR! nospc ENOSPC: no space left on device, write",
        "disk full",
    ),
    (
        'fatal: [db1]: FAILED! => {"changed": false, "msg": "Unable to copy file: [Errno 28] No space left on device"}',
        "disk full",
    ),
    ("E: You don't have enough free space in /var/cache/apt/archives/.", "disk full"),
    ("write /var/lib/docker/tmp/GetImageBlob1: no space left on device", "disk full"),
    (
        "Error: Failed to fetch http://deb.debian.org/debian/pool/main/g/glib2.0/libglib2.0-dev_2.84.4_amd64.deb  404  Not Found [IP: 146.75.122.132 80]\nError: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?",
        "package download",
    ),
    (
        "E: Failed to fetch http://archive.ubuntu.com/ubuntu/pool/universe/m/masscan.deb  403  Forbidden [IP: 185.125.190.83 80]\nE: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?",
        "package download",
    ),
    (
        "Failed to fetch http://ch.archive.ubuntu.com/ubuntu/pool/main/c/c.deb  Could not resolve 'ch.archive.ubuntu.com'\nE: Unable to fetch some archives",
        "name not resolved",
    ),
    (
        'fatal: [localhost]: FAILED! => {"changed": false, "msg": "Task failed: Premature end of stream waiting for become success.\\n>>> Standard Error\\n/bin/sh: 1: sudo: not found"}',
        "program missing",
    ),
    (
        "ERROR: Could not find a version that satisfies the requirement torch==9.9 (from versions: 2.0)\nERROR: No matching distribution found for torch==9.9",
        "package does not exist",
    ),
    (
        'fatal: [web1]: FAILED! => {"changed": false, "msg": "No package matching \'phpx\' is available"}',
        "package does not exist",
    ),
    (
        "The hosted runner lost communication with the server. Anything in your workflow that terminates the runner process, starves it for CPU/Memory, or blocks its network access can cause this error.",
        "runner lost",
    ),
    (
        "##[error]The job running on runner GitHub Actions 12 has exceeded the maximum execution time of 360 minutes.",
        "time limit",
    ),
    ("Oct 03 12:00:06 web01 systemd[1]: Failed to start app.service - Application server.", "service does not start"),
    (
        'fatal: [web1]: FAILED! => {"changed": false, "msg": "Unable to restart service nginx: Job for nginx.service failed because the control process exited with error code.\\nSee \\"systemctl status nginx.service\\" for details."}',
        "service does not start",
    ),
    ("nginx: [emerg] bind() to [::]:443 failed (98: Address already in use)", "address in use"),
    (
        "docker: Error response from daemon: driver failed programming external connectivity: Bind for 0.0.0.0:5432 failed: port is already allocated.",
        "address in use",
    ),
    ("    cause: Error: connect ECONNREFUSED 127.0.0.1:5432", "no connection"),
    (
        "remote: Write access to repository not granted.\nfatal: unable to access 'https://github.com/o/r/': The requested URL returned error: 403",
        "git credentials",
    ),
    (
        "remote: Invalid username or token. Password authentication is not supported for Git operations.\nfatal: Authentication failed for 'https://github.com/o/r/'",
        "git credentials",
    ),
    ("RequestError [HttpError]: Resource not accessible by integration", "GitHub permission"),
    (
        "Error response from daemon: pull access denied for acme/api, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
        "registry credentials",
    ),
    (
        "E: Could not get lock /var/lib/dpkg/lock-frontend - open (11: Resource temporarily unavailable)\nE: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?",
        "package manager is locked",
    ),
    (
        'psycopg2.OperationalError: connection to server at "10.0.2.9", port 5432 failed: FATAL:  sorry, too many clients already',
        "database not reached",
    ),
    # Real failures with a cause of their own: nothing must be said of them.
    (
        '\u2502 Error: Unsupported argument\n\u2502 \n\u2502   on main.tf line 54, in resource "aws_eip" "nat":\n\u2502   54:   vpc   = true',
        "",
    ),
    (
        "FAILURE: Build failed with an exception.\n> Compilation error. See log for more details\nBUILD FAILED in 5m 43s\nError: Process completed with exit code 1.",
        "",
    ),
    ("error: could not compile `notes` (lib) due to 2 previous errors\nError: Process completed with exit code 1.", ""),
    ("Run black --check --diff src/\nwould reformat src/__init__.py\nError: Process completed with exit code 1.", ""),
    (
        "FAILED tests/test_config.py::test_limit - FileNotFoundError: Configured file does not exist: /tmp/pytest-0/search.yaml\n2 failed, 97 passed in 1.10s",
        "",
    ),
    (
        'fatal: [localhost]: FAILED! => {"failed": true, "msg": "ERROR! template error while templating string: expected token \'end of print statement\', got \'key\'"}',
        "",
    ),
    (
        '\u2502 Error: Reference to "each" in context without for_each\n\u2502 \n\u2502   on main.tf line 110, in resource "azurerm_lb" "lb":',
        "",
    ),
    ("E: dpkg was interrupted, you must manually run 'sudo dpkg --configure -a' to correct the problem.", ""),
    ("FAILED: accuracy 0.6820 < 0.70.\nError: Process completed with exit code 1.", ""),
)
