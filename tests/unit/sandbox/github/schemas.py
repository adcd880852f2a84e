"""GitHub's published shapes, as pydantic models."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pydantic import BaseModel


def _load() -> Any:
    """The models' module.

    The schemas' package imports all of githubkit for its side effects, and with that the HTTP cache of a version
    that may not fit. The models need none of it: an empty parent package replaces it.
    """
    if "githubkit" not in sys.modules:
        result = importlib.util.find_spec("githubkit_schemas")
        assert result is not None
        assert result.submodule_search_locations is not None
        parent = types.ModuleType("githubkit")
        parent.__path__ = [str(Path(result.submodule_search_locations[0]).parent / "githubkit")]
        sys.modules["githubkit"] = parent
    cast("Any", importlib.import_module("githubkit.module_hooks.lazy_module")).apply()
    return importlib.import_module("githubkit_schemas.v2022_11_28.models")


_MODELS = _load()


def fits(name: str, answer: Any) -> BaseModel:
    """The answer as GitHub's model of this name; pydantic's error says what does not fit."""
    model: type[BaseModel] = getattr(_MODELS, name)
    return model.model_validate(answer)


def all_fit(name: str, answers: Any) -> list[BaseModel]:
    """As `fits`, for a list."""
    assert answers, "an empty list proves nothing"
    return [fits(name, answer) for answer in answers]
