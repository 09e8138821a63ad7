"""Azure's own description of its answers: bodies against the definitions of the compute swagger.

The folder comes from AZURE_SPEC_DIR. Two things are put right in what it says: `properties` without a type means an
object, and an enum that is modelled as a string is open.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

FOLDER = Path(os.environ.get("AZURE_SPEC_DIR", Path(__file__).parents[4] / "shared" / "azure-spec")).resolve()
COMPUTE = FOLDER / "swagger/compute/resource-manager/Microsoft.Compute/stable/2021-03-01/compute.json"
RUN_COMMANDS = COMPUTE.with_name("runCommands.json")
SKUS = COMPUTE.parents[1] / "2019-04-01/skus.json"


def faults(file: Path, definition: str, body: Any) -> list[str]:
    """Every way in which a body is not what the definition says."""
    schema = {"$ref": f"{file.as_uri()}#/definitions/{definition}"}
    validator = jsonschema.Draft4Validator(schema, registry=_REGISTRY)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]


@cache
def _document(uri: str) -> Any:
    return _repaired(json.loads(Path(uri.removeprefix("file://")).read_text(encoding="utf-8")))


def _retrieve(uri: str) -> Resource[Any]:
    return DRAFT4.create_resource(_document(uri))


_REGISTRY: Any = Registry(retrieve=_retrieve)  # type: ignore[call-arg]


def _repaired(value: Any, *, is_schema: bool = True) -> Any:
    if isinstance(value, list):
        return [_repaired(item) for item in value]
    if not isinstance(value, dict):
        return value
    # A map of schemas may itself hold one that is called "properties".
    repaired = {
        name: _repaired(item, is_schema=not is_schema or name not in ("properties", "definitions"))
        for name, item in value.items()
    }
    if not is_schema:
        return repaired
    if isinstance(value.get("properties"), dict) and "type" not in value and "$ref" not in value:
        repaired["type"] = "object"
    if isinstance(value.get("x-ms-enum"), dict) and value["x-ms-enum"].get("modelAsString"):
        repaired.pop("enum", None)
    if repaired.get("x-nullable") and isinstance(repaired.get("type"), str):
        repaired["type"] = [repaired["type"], "null"]
    return repaired
