"""Causes at AWS and in Terraform."""

from __future__ import annotations

from runners.explain.rows import CauseRow

_POLICY = "Add `{what}` to the policy of the role or user that ran it."
_RENEW = "Renew the credentials where this ran: the bot's environment, the secrets of the workflow, or the host's role. Then run it again."

CLOUD: tuple[CauseRow, ...] = (
    CauseRow(
        "permission denied at AWS: explicit deny",
        r"(?:is|are) not authorized to perform: ([\w-]+:\w+).*\bexplicit deny\b",
        "a policy forbids {what} with an explicit deny",
        "Change that policy (a boundary, an SCP or a resource policy): adding a permission does not help.",
        "An error occurred (AccessDenied) when calling the PutObject operation: User: arn:aws:sts::111122223333:assumed-role/ci/run is not "
        "authorized to perform: s3:PutObject on resource: arn:aws:s3:::releases/a.tgz with an explicit deny in a service control policy",
        "The policy contains an explicit deny for s3:PutObject outside of the VPC",
    ),
    CauseRow(
        "permission denied at AWS",
        r"(?:is|are) not authorized to perform:? ([\w-]+:\w+)",
        "AWS forbids {what}",
        _POLICY,
        "Error: creating EC2 Instance: operation error EC2: RunInstances, https response error StatusCode: 403, RequestID: 5d1c, api error "
        "UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::111122223333:user/terraform is not "
        "authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:eu-west-1:111122223333:instance/* because no identity-based "
        "policy allows the ec2:RunInstances action",
        "checking that nobody is authorized to perform ec2:RunInstances: ok",
    ),
    CauseRow(
        "permission denied at AWS: call",
        r"(?:operation error [\w ]+: (\w+), .*|An error occurred \(.*\) when calling the (\w+) operation: ?.*)?"
        r"(?:\bapi error (?:AccessDenied\w*|UnauthorizedOperation|Forbidden)\b|\((?:AccessDenied\w*|UnauthorizedOperation|403)\)"
        r"(?: when calling the (\w+) operation)?|\b(?:AccessDenied(?:Exception)?|UnauthorizedOperation): )",
        "AWS forbids {what}",
        "Allow it in the policy of the role or user that ran it. `aws sts decode-authorization-message` reads an encoded message.",
        "An error occurred (AccessDenied) when calling the AssumeRole operation: Access denied",
        "expects AccessDenied to be raised for guests ... ok",
    ),
    CauseRow(
        "credentials expired",
        r"\b(?:ExpiredToken(?:Exception)?|RequestExpired|TokenRefreshRequired|UnauthorizedSSOTokenError)\b[:,)]"
        r"|\bsecurity token included in the request is expired\b|\b(?:SSO session .{0,80}(?:has expired|is otherwise invalid)|Token has expired and refresh failed)",
        "the AWS credentials have expired",
        _RENEW,
        "Error: creating RDS DB Instance: ExpiredToken: The security token included in the request is expired",
        "the SSO session is valid for 8 hours",
    ),
    CauseRow(
        "credentials not valid",
        r"\b(?:InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId|SignatureDoesNotMatch)\b[:,)]"
        r"|\bsecurity token included in the request is invalid\b",
        "AWS does not accept these credentials",
        "Check that key id and secret belong together, and that nobody has deleted or disabled the key.",
        "Error: configuring Terraform AWS Provider: validating provider credentials: operation error STS: GetCallerIdentity, https response "
        "error StatusCode: 403, api error InvalidClientTokenId: The security token included in the request is invalid.",
        "InvalidClientTokenId is one of the error codes of STS",
    ),
    CauseRow(
        "no credentials",
        r"\b(?:Unable to locate credentials|No valid credential sources found|NoCredentialProviders: |no EC2 IMDS role found)"
        r"|\bCredentials could not be loaded, please check your action inputs\b",
        "the program found no AWS credentials",
        "Give it some: `terraform.secret_environment`, the secrets of the workflow, or an instance role.",
        'Unable to locate credentials. You can configure credentials by running "aws configure".',
        "credentials: found in environment variables",
    ),
    CauseRow(
        "clock is wrong",
        r"\b(?:RequestTimeTooSkewed|SignatureDoesNotMatch: Signature (?:expired|not yet current)|InvalidSignatureException: Signature expired)\b",
        "the clock of the machine that ran it is wrong",
        "Set its time (`timedatectl set-ntp true`), then run it again.",
        "An error occurred (RequestTimeTooSkewed) when calling the ListBuckets operation: The difference between the request time and the "
        "current time is too large.",
        "the difference between the request time and the current time is 2 s",
    ),
    CauseRow(
        "rate limit: AWS",
        r"\b(?:Throttling(?:Exception)?|RequestLimitExceeded|TooManyRequestsException|SlowDown)\b[:)].{0,200}?"
        r"(?:[Rr]ate exceeded|[Rr]equest limit exceeded|reduce your request rate|Too [Mm]any [Rr]equests)",
        "AWS limits the rate of requests of this account",
        "Wait some minutes, then run it again. Find what else calls AWS at the same time.",
        "Error: reading EC2 VPC: RequestLimitExceeded: Request limit exceeded.\n\tstatus code: 503, request id: 5d1c",
        "Throttling is handled by the client with 5 attempts",
    ),
    CauseRow(
        "no image for the machine",
        r"\bInvalidAMIID\.(?:NotFound|Unavailable|Malformed)\b(?:.{0,60}?(ami-[0-9a-f]+))?|[Tt]he image id '\[?(ami-[0-9a-f]+)\]?' does not exist"
        r"|\bNo AMI was found matching filters\b",
        "the image {what} of a new machine does not exist in this region and account",
        "Build one with `/build-images`, or correct the image's variable or filter. `/infra images` lists what there is.",
        "Error: creating EC2 Instance: operation error EC2: RunInstances, https response error StatusCode: 400, api error "
        "InvalidAMIID.NotFound: The image id '[ami-14c5486b]' does not exist",
        "Deregistered ami-14c5486b: it does not exist any more",
    ),
    CauseRow(
        "no image for the machine: query",
        r"^(?:Error: )?(?:Error: )?Your query returned no results\. Please change your search criteria",
        "a data source found nothing: often there is no image that its filter names",
        "Read which data source it is below the error. For an image, build one with `/build-images`; `/infra images` lists what there is.",
        'Error: Your query returned no results. Please change your search criteria and try again.\n\n  with data.aws_ami.backend,\n  on main.tf line 7, in data "aws_ami" "backend":',
        "Query: your query returned 12 results",
    ),
    CauseRow(
        "no capacity at AWS",
        r"\bInsufficient(?:Instance|Host)?Capacity(?:$|[:)](?:.*\bsufficient [\w.]+ capacity in the Availability Zone you requested \(([\w-]+)\))?)",
        "AWS has no machine of this type free in {what} now",
        "Try again later, or choose another zone or instance type.",
        "Error launching source instance: InsufficientInstanceCapacity: We currently do not have sufficient c5.4xlarge capacity in the "
        "Availability Zone you requested (eu-west-1b). Our system will be working on provisioning additional capacity.",
        "capacity: sufficient",
        "that zone",
        certain=True,
    ),
    CauseRow(
        "quota of the AWS account",
        r"\b(?:VcpuLimitExceeded|InstanceLimitExceeded|AddressLimitExceeded|VpcLimitExceeded|VolumeLimitExceeded|ServiceQuotaExceededException|LimitExceededException|MaxSpotInstanceCountExceeded)\b[:)]"
        r"|\bYou have requested more vCPU capacity than your current vCPU limit\b|\bThe maximum number of addresses has been reached\b",
        "a quota of the AWS account is used up",
        "Delete what is not needed (`/infra builders` lists machines that builds left), or raise the quota in Service Quotas.",
        "Error launching source instance: VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit of 32 allows",
        "vCPU limit: 32, requested: 8",
    ),
    CauseRow(
        "something else uses it",
        r"\bDependencyViolation\b.*?((?:sg|subnet|vpc|igw|rtb|eni)-[0-9a-f]+)?|\bhas a dependent object\b",
        "AWS does not delete {what}: something else uses it",
        "Find what uses it (EC2 console, Network interfaces), remove that, then plan again.",
        "Error: deleting EC2 Subnet (subnet-0b1c): DependencyViolation: The subnet 'subnet-0b1c' has dependencies and cannot be deleted.",
        "no dependency violation was found in the graph",
        "it",
    ),
    CauseRow(
        "it exists already",
        r"\b(?:\w*AlreadyExists\w*|BucketAlreadyOwnedByYou|InvalidGroup\.Duplicate|InvalidKeyPair\.Duplicate|ResourceExistsException)\b[:)]",
        "a resource of this name exists already, outside of this state",
        "Import it (`terraform import`) or choose another name, then plan again.",
        "Error: creating IAM Role (backend): EntityAlreadyExists: Role with name backend already exists.",
        "EntityAlreadyExists is ignored by the script",
    ),
    CauseRow(
        "state lock",
        r"\bError (?:acquiring the state lock|locking state)\b|\bstate (?:already|is) locked\b|\bConditionalCheckFailedException: The conditional request failed\b",
        "somebody else holds the lock of Terraform's state",
        "See who below `Lock Info` in the output, wait until that has ended, then plan again.",
        "Error: Error acquiring the state lock\n\nError message: operation error DynamoDB: PutItem, ConditionalCheckFailedException: The "
        "conditional request failed\nLock Info:\n  ID:        9db590f1\n  Who:       max@laptop",
        "Acquiring state lock. This may take a few moments...",
    ),
    CauseRow(
        "provider or module download",
        r"\bFailed to (?:query available provider packages|install provider|download module|retrieve available versions)\b"
        r"|\bCould not (?:retrieve the list of available versions for provider|download module)\b|\bcould not query provider registry\b",
        "Terraform could not download a provider or module",
        "Check that the machine reaches the registry or repository that is named, and its credentials. Then run it again.",
        "Error: Failed to query available provider packages\n\nCould not retrieve the list of available versions for provider "
        "hashicorp/aws: could not connect to registry.terraform.io: context deadline exceeded",
        "- Finding latest version of hashicorp/aws...",
    ),
    CauseRow(
        "provider crashed",
        r"^(?:Error: )?(?:The terraform-provider-[\w-]+ plugin crashed!|The plugin crashed|Plugin did not respond)|\bStack trace from the terraform-provider-",
        "a Terraform provider crashed",
        "Run it again. If it crashes again, use another version of the provider.",
        "Error: Plugin did not respond\n\nThe plugin encountered an error, and failed to respond to the plugin6.(*GRPCProvider).ReadResource call.",
        "the plugin responded in 2 s",
    ),
)
