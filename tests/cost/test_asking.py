"""The sandbox's list, asked by everybody who tells what a plan costs."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.cost.lists import KEY
from wizard import api, cost
from wizard.azure import clouds
from wizard.commands.plan import command
from wizard.plan import files, values
from wizard.plan.model import Plan

LINUX = Decimal("167.90") + Decimal("11.6144") + Decimal("18.25") + Decimal("32.85")
"""2 x 0.115 x 730, 2 x 5.8072 (P4), and 730 h of 0.025 and 0.045; no price of an address was recorded there."""


def plan(location: str = "westeurope", **more: object) -> Plan:
    return values.legal(
        {"machines.ssh_key": KEY, "network.allow_admin": ["127.0.0.1/32"], "location": location, **more}
    )


def written(folder: Path, plan: Plan) -> str:
    files.write(plan, folder / "plan.toml")
    return str(folder / "plan.toml")


async def test_from_python(sandbox):
    found = await api.cost(plan())
    assert found.monthly.least == found.monthly.most == LINUX
    assert [line.what for line in found.unpriced] == ["Public IP address"]
    assert (found.billed, found.why, found.stale) == (False, "", False)
    assert found.asked is not None


async def test_with_all_prices_the_sum_is_whole(sandbox):
    found = await api.cost(plan("eastus"))
    # 2 x 0.096 x 730, 2 x 5.2795 (P4), 2 x 0.005 x 730, 0.025 x 730, 0.045 x 730
    assert found.monthly.least == Decimal("140.16") + Decimal("10.559") + Decimal("7.30") + Decimal("51.10")
    assert found.unpriced == []


async def test_a_region_is_meant_however_it_is_written(sandbox):
    found, _why = await cost.of_sizes(clouds.find("sandbox"), "West Europe", windows=True)
    assert found["Standard_D2s_v5"] == Decimal("0.207") * 730
    linux, _why = await cost.of_sizes(clouds.find("sandbox"), "westeurope", windows=False)
    assert linux["Standard_D2s_v5"] == Decimal("0.115") * 730
    assert len(linux) == 37


def test_the_command_tells_lines_and_a_sum(sandbox, tmp_path):
    result = CliRunner().invoke(command, ["cost", written(tmp_path, plan()), "--json"])
    assert result.exit_code == 0
    *lines, total = [json.loads(line) for line in result.stdout.splitlines()]
    assert {line["event"] for line in lines} == {"cost"}
    assert lines[0] == {
        "event": "cost",
        "what": "Standard_D2s_v5, Linux",
        "quantity": {"from": 2, "to": 2},
        "unit": "hour",
        "unit_price": 0.115,
        "monthly": {"from": 167.9, "to": 167.9},
        "by_use": False,
        "after": 0.0,
        "why": "",
    }
    assert (total["event"], total["currency"], total["billed"], total["complete"]) == ("estimate", "USD", False, False)
    assert total["monthly"] == {"from": float(LINUX), "to": float(LINUX)}
    assert total["hourly"]["from"] == pytest.approx(float(LINUX) / 730, abs=1e-4)
    priced = [line["monthly"]["from"] for line in lines if line["monthly"]]
    assert sum(priced) == pytest.approx(total["monthly"]["from"])


def test_the_command_tells_a_person(sandbox, tmp_path):
    result = CliRunner().invoke(command, ["cost", written(tmp_path, plan())])
    assert result.exit_code == 0
    assert "2  Standard_D2s_v5, Linux" in result.stdout
    assert "no price" in result.stdout
    assert "Costs nothing here; on Azure it would be at least $231 a month" in result.stdout


def test_a_cloud_without_a_list_says_so_and_fails(tmp_path):
    result = CliRunner().invoke(command, ["cost", written(tmp_path, plan("chinanorth3", cloud="china")), "--json"])
    assert result.exit_code == 1
    total = json.loads(result.stdout.splitlines()[-1])
    assert total["monthly"] is None
    assert total["why"] == "The cloud china has no list of retail prices that could be asked."
