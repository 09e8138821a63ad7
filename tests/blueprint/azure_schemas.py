"""Azure's own template schemas (draft-04), as data beside the project; where they are is AZURE_SPEC_DIR's to say."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator, ValidationError  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

FOLDER = Path(os.environ.get("AZURE_SPEC_DIR") or Path(__file__).parents[3] / "shared" / "azure-spec") / "arm-schemas"
BASE = "https://schema.management.azure.com/schemas/"
FILES = {
    f"{BASE}2025-07-01/Microsoft.Network.NRP.json": "schemas_2025-07-01_Microsoft.Network.NRP.json",
    f"{BASE}2026-03-01/Microsoft.Compute.json": "schemas_2026-03-01_Microsoft.Compute.json",
    f"{BASE}2026-03-01/Microsoft.Compute.Extensions.json": "schemas_2026-03-01_Microsoft.Compute.Extensions.json",
    f"{BASE}2026-04-01/Microsoft.Storage.json": "schemas_2026-04-01_Microsoft.Storage.json",
    f"{BASE}2022-10-01/Microsoft.Insights.json": "schemas_2022-10-01_Microsoft.Insights.json",
    f"{BASE}2021-05-01-preview/Microsoft.Insights.json": "schemas_2021-05-01-preview_Microsoft.Insights.json",
    f"{BASE}common/definitions.json": "schemas_common_definitions.json",
}
VERSIONS = {
    "Microsoft.Network": "2025-07-01",
    "Microsoft.Compute": "2026-03-01",
    "Microsoft.Storage": "2026-04-01",
    "Microsoft.Insights": "2022-10-01",
}
HANGING = {
    "Microsoft.Network/loadBalancers/providers/diagnosticSettings": (
        "Microsoft.Insights/diagnosticSettings",
        "2021-05-01-preview",
    )
}
"""Types of what hangs on another resource: the schema's name of each, and its version."""

WITHOUT = (
    "Microsoft.Authorization/locks",
    "Microsoft.OperationalInsights/workspaces",
    "Microsoft.Insights/dataCollectionRules",
    "Microsoft.Compute/virtualMachines/providers/dataCollectionRuleAssociations",
    "Microsoft.Compute/virtualMachineScaleSets/providers/dataCollectionRuleAssociations",
    "Microsoft.ManagedIdentity/userAssignedIdentities",
)
"""Types whose schemas are not among the files."""


def available() -> bool:
    return all((FOLDER / name).is_file() for name in FILES.values())


@cache
def _registry() -> Registry[Any]:
    found: Registry[Any] = Registry()
    for uri, name in FILES.items():
        contents = json.loads((FOLDER / name).read_text(encoding="utf-8"))
        if name.endswith("Microsoft.Compute.json"):
            # A list of sizes that ends in 2018, and is open: the swagger says modelAsString of it.
            del contents["definitions"]["HardwareProfile"]["properties"]["vmSize"]["oneOf"][0]["enum"]
        found = found.with_resource(uri, Resource.from_contents(contents, default_specification=DRAFT4))
    return found


@cache
def _validator(type: str) -> Draft4Validator:
    if type in HANGING:
        written, version = HANGING[type]
        namespace, _, kind = written.partition("/")
        reference = {"$ref": f"{BASE}{version}/{namespace}.json#/extension_resourceDefinitions/{kind}"}
        return Draft4Validator(reference, registry=_registry())
    namespace, _, kind = type.partition("/")
    uri = next(each for each in FILES if f"{VERSIONS[namespace]}/{namespace}" in each)
    where = f"definitions/{kind.replace('/', '_')}_childResource" if "/" in kind else f"resourceDefinitions/{kind}"
    reference = {"$ref": f"{uri}#/{where}"}
    return Draft4Validator(reference, registry=_registry())


def errors(type: str, name: str, body: dict[str, Any]) -> list[str]:
    """What Azure's schema has against a resource's body: the deepest places, where the reason is."""
    namespace = type.partition("/")[0]
    written = type.rpartition("/")[2] if type.count("/") > 1 else type  # a child is written inside its parent
    written, version = HANGING.get(type) or (written, VERSIONS[namespace])
    template = {"type": written, "name": name, "apiVersion": version, **body}
    return [leaf for error in _validator(type).iter_errors(template) for leaf in _leaves(error)]


def _leaves(error: ValidationError) -> Iterator[str]:
    if not error.context:
        yield f"{error.json_path}: {error.message[:200]}"
    for cause in error.context or ():
        yield from _leaves(cause)
