"""What moto does not have: Image Builder, the Recycle Bin and AWS Backup's recovery points, in AWS's own formats.

The answers are data. botocore's models of the services decide which calls exist, which path each has, which members an
answer may have and how it is written: an answer that they do not allow is an error of the stand-in, not of the bot.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore.validate import ParamValidator
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from moto.ssm.models import ssm_backends

if TYPE_CHECKING:
    from moto.core.model import OperationModel

ACCOUNT = "123456789012"  # moto's
OPERATIONS = {
    "backup": ("ListBackupVaults", "ListRecoveryPointsByBackupVault"),
    "ec2": ("ListImagesInRecycleBin", "ListSnapshotsInRecycleBin"),
    "imagebuilder": (
        *("ListImageRecipes", "GetImageRecipe", "ListContainerRecipes", "GetContainerRecipe"),
        *("ListImagePipelines", "ListImages", "ListImageBuildVersions"),
    ),
    "rbin": ("ListRules",),
    "ssm": ("DescribeParameters",),
}
_SCOPE = re.compile(r"Credential=[^/]+/\d+/([\w-]+)/([\w-]+)/aws4_request")
_IMAGES = {"Key": "DataType", "Option": "Equals", "Values": ["aws:ec2:image"]}

Reply = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Call:
    """A call: its region, and its parameters by their names on the wire."""

    region: str
    parameters: Mapping[str, Any]


# An answer, or a function that makes it of the call; None where moto answers.
Answer = Mapping[str, Any] | Callable[[Call], Mapping[str, Any] | None]


class AwsServices:
    """Answers the calls in OPERATIONS; without data each answers that there is nothing."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], Answer] = {("ssm", "DescribeParameters"): _image_parameters}

    def answer_with(self, service: str, operation: str, answer: Answer) -> None:
        """What the operation answers from now on. ValueError when it is not in OPERATIONS."""
        if operation not in OPERATIONS.get(service, ()):
            raise ValueError(f"{service}:{operation} is not answered here")
        self._answers[service, operation] = answer

    def reply(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply | None:
        """The reply to a signed request; None where it is not one of these operations."""
        scope = _SCOPE.search(headers.get("Authorization", ""))
        region, service = scope.groups() if scope else ("", "")
        for name in OPERATIONS.get(service, ()):
            operation = get_service_model(service).operation_model(name)
            parameters = _parameters(operation, method, url, headers, body)
            if parameters is None:
                continue
            answer = self._answers.get((service, name), {})
            answered = answer(Call(region, parameters)) if callable(answer) else answer
            return None if answered is None else _written(operation, answered)
        return None


def _image_parameters(call: Call) -> Mapping[str, Any] | None:
    """Moto has the parameters, but refuses this filter, which AWS takes."""
    if list(call.parameters.get("ParameterFilters", ())) != [_IMAGES]:
        return None
    listing = ssm_backends[ACCOUNT][call.region].describe_parameters([], [])
    described = [{"Name": each.name, "Type": each.parameter_type, "DataType": each.data_type} for each in listing]
    return {"Parameters": [each for each in described if each["DataType"] == "aws:ec2:image"]}


def _parameters(
    operation: OperationModel, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> dict[str, Any] | None:
    """The parameters of a call of this operation, as they are on the wire; None for a call of another operation."""
    address, metadata = urlsplit(url), operation.service_model.metadata
    if metadata["protocol"] == "ec2":
        fields = dict(parse_qsl(body.decode()))
        return fields if fields.get("Action") == operation.name else None
    if metadata["protocol"] == "json":
        target = f"{metadata['targetPrefix']}.{operation.name}"
        return json.loads(body) if headers.get("X-Amz-Target") == target else None
    path = re.escape(operation.http["requestUri"].split("?")[0].rstrip("/"))
    named = re.fullmatch(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", path), address.path.rstrip("/"))
    if method != operation.http["method"] or not named:
        return None
    of_path = {name: unquote(value) for name, value in named.groupdict().items()}
    return {**dict(parse_qsl(address.query)), **(json.loads(body) if body else {}), **of_path}


def _written(operation: OperationModel, answer: Mapping[str, Any]) -> Reply:
    shape = operation.output_shape
    if shape is None:
        raise ValueError(f"{operation.name} answers nothing")
    problems = ParamValidator().validate(dict(answer), shape)
    if problems.has_errors():
        raise ValueError(f"{operation.name} cannot answer that: {problems.generate_report()}")
    service = operation.service_model
    serializer = get_serializer_class(service.service_name, service.metadata["protocol"])
    written = serializer(operation, SerializationContext("sandbox")).serialize(dict(answer))
    body = written["body"]
    headers = {str(name): str(value) for name, value in written["headers"].items()}
    return written["status_code"], headers, body if isinstance(body, bytes) else str(body).encode()
