"""What may be asked of an installation of updates, in Azure's spelling."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.compute import swagger
from wizard.plan import patching
from wizard.plan.model import OsType
from wizard.plan.patching import Reboot, Updates


def published(name: str, key: str) -> set[str]:
    """The words that Azure's published description allows."""
    if not swagger.COMPUTE.is_file():
        pytest.skip("Azure's published description is not there")
    properties: dict[str, Any] = json.loads(swagger.COMPUTE.read_text())["definitions"][name]["properties"]
    return set(properties[key].get("enum") or properties[key]["items"]["enum"])


@pytest.mark.parametrize(("os", "name"), [(OsType.LINUX, "LinuxParameters"), (OsType.WINDOWS, "WindowsParameters")])
def test_the_classes_are_azures(os: OsType, name: str) -> None:
    known = published(name, "classificationsToInclude")
    assert set(patching.classifications(Updates.ALL, os)) == known
    assert set(patching.classifications(Updates.SECURITY, os)) == {"Critical", "Security"}
    assert set(patching.classifications(Updates.CRITICAL, os)) == {"Critical"}


def test_the_restarts_are_azures() -> None:
    known = published("VirtualMachineInstallPatchesParameters", "rebootSetting")
    assert {patching.setting(each) for each in Reboot} == known


def test_numbers_have_bounds_and_name_their_remedy() -> None:
    assert patching.duration(90) == "PT90M"
    for good in (patching.LEAST_MINUTES, patching.MINUTES, patching.MOST_MINUTES):
        assert patching.minutes(good) is None
    for wrong in (patching.LEAST_MINUTES - 1, patching.MOST_MINUTES + 1):
        problem = patching.minutes(wrong)
        assert problem is not None
        assert (str(wrong) in problem.what, bool(problem.why), bool(problem.remedy)) == (True, True, True)
    assert patching.share(0) is patching.share(50) is None
    assert patching.share(51) is not None
