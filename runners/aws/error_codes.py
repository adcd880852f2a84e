"""AWS's error codes: what passes by itself, and what does not.

Sources: botocore's retry tables (botocore/retries/standard.py, data/_retry.json), the errors in botocore's service models,
and the lists of common and of EC2's errors (docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html).
"""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What an error code means for the call. Only PASSES is worth trying again as it is."""

    PASSES = "passes"
    EXPIRED = "expired"  # credentials that were valid
    CREDENTIALS = "credentials"  # credentials that AWS does not know, or a wrong clock
    DENIED = "denied"  # a policy, or the account's state
    MISSING = "missing"  # what the call names is not there
    REFUSED = "refused"  # the call is wrong, or something is in its way until somebody changes that
    UNKNOWN = "unknown"  # a code that this version does not know


_CODES = {
    Verdict.PASSES: """
        Throttling ThrottlingException ThrottledException RequestThrottledException RequestThrottled
        TooManyRequestsException ProvisionedThroughputExceededException TransactionInProgressException
        RequestLimitExceeded BandwidthLimitExceeded LimitExceededException SlowDown PriorRequestNotComplete
        EC2ThrottledException RequestTimeout RequestTimeoutException IDPCommunicationError BadDigest
        ReplicatedWriteConflictException InternalError InternalFailure InternalErrorException InternalServerError
        InternalServiceError InternalServiceFault ServerInternal ServiceUnavailable ServiceUnavailableException
        ServiceFailure Unavailable ConcurrentModification ConcurrentModificationException
        EntityTemporarilyUnmodifiable ResourceContention IdempotentCallInProgress ReportInProgress
        InsufficientInstanceCapacity InsufficientHostCapacity InsufficientAddressCapacity InsufficientCapacity
        InsufficientVolumeCapacity InsufficientReservedInstanceCapacity
    """,
    Verdict.EXPIRED: "ExpiredToken ExpiredTokenException ExpiredTradeInTokenException RequestExpired TokenRefreshRequired",
    Verdict.CREDENTIALS: """
        AuthFailure InvalidClientTokenId UnrecognizedClientException SignatureDoesNotMatch IncompleteSignature
        MissingAuthenticationToken MissingAuthenticationTokenException InvalidAccessKeyId InvalidToken
        InvalidIdentityToken IDPRejectedClaim InvalidSignatureException IncompleteSignatureException NotAuthorized
    """,
    Verdict.DENIED: """
        UnauthorizedOperation AccessDenied AccessDeniedException UnauthorizedAccess OptInRequired Blocked
        PendingVerification RegionDisabledException AuthorizationError AccountProblem
        AllAccessDisabled SubscriptionRequiredException
    """,
    Verdict.MISSING: """
        NoSuchEntity NotFoundException ResourceNotFoundException ParameterNotFound ParameterVersionNotFound
        InvalidAMIID.Unavailable
    """,
    Verdict.REFUSED: """
        DryRunOperation IdempotentParameterMismatch InvalidAction InvalidCharacter InvalidPaginationToken
        InvalidParameter InvalidParameterCombination InvalidParameterValue InvalidQueryParameter MalformedQueryString
        MissingAction MissingParameter UnknownParameter UnsupportedInstanceAttribute UnsupportedOperation
        UnsupportedProtocol ValidationError ValidationException ValidationFailed InvalidNextToken InvalidNextTokenException
        ExpiredNextTokenException InvalidParameterException InvalidRequest DependencyViolation IncorrectState
        IncorrectInstanceState ResourceInUse InvalidGroup.InUse InvalidSnapshot.InUse VolumeInUse DeleteConflict OperationNotPermitted
        LimitExceeded EntityAlreadyExists InvalidInput InvalidSnapshotID.Malformed InvalidInstanceID.Malformed
        InvalidAMIID.Malformed MalformedPolicyDocument PackedPolicyTooLarge InstanceLimitExceeded
        VcpuLimitExceeded ResourceLimitExceeded
    """,
}
_VERDICTS = {code: verdict for verdict, codes in _CODES.items() for code in codes.split()}


def verdict_of(code: str, status: int) -> Verdict:
    """The verdict about an error with this code and HTTP status (0: none came).

    The status decides about a code that is not in the table: AWS's own faults pass; EC2's codes for what is not there end alike.
    """
    bare = code.removeprefix("Client.").removeprefix("Server.")
    if bare in _VERDICTS:
        return _VERDICTS[bare]
    if status >= 500 or status == 429:
        return Verdict.PASSES
    if bare.endswith("AccessDeniedException"):
        return Verdict.DENIED
    if status == 404 or bare.endswith((".NotFound", "NotFound", "NotFoundException")):
        return Verdict.MISSING
    return Verdict.UNKNOWN
