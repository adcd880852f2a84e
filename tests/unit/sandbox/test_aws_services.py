"""The services of AWS that moto does not have: answers fit botocore's models, or are refused."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.aws_services import AwsServices


@pytest.mark.parametrize(
    ("service", "operation", "answer"),
    [
        ("imagebuilder", "ListImageRecipes", {"recipes": []}),
        ("imagebuilder", "ListImageRecipes", {"imageRecipeSummaryList": [{"arn": 1}]}),
        ("rbin", "ListRules", {"Rules": {}}),
    ],
)
def test_an_answer_that_aws_cannot_give_is_refused(service: str, operation: str, answer: dict[str, Any]) -> None:
    services = AwsServices()
    services.answer_with(service, operation, answer)
    signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential=a/20261128/us-west-2/{service}/aws4_request"}
    path = {"ListRules": "/list-rules"}.get(operation, f"/{operation}")
    with pytest.raises(ValueError, match=f"{operation} cannot answer that"):
        services.reply("POST", f"http://127.0.0.1{path}", signed, b"{}")


def test_only_what_is_listed_is_answered() -> None:
    with pytest.raises(ValueError, match="imagebuilder:DeleteImage is not answered here"):
        AwsServices().answer_with("imagebuilder", "DeleteImage", {})
