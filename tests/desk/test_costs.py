"""What the desk answers about prices; nobody signs in for it."""

from __future__ import annotations

from typing import Any

import pytest

from screens.desk import Desk
from tests.desk.conftest import plan_values
from wizard.errors import InputError


async def test_the_cost_of_a_plan_in_figures_and_words(sandbox: dict[str, Any], desk: Desk):
    told = await desk.ask("cost", plan=plan_values("cost-rg", count=3))
    assert told["billed"] is False
    assert told["monthly"]["from"] == told["monthly"]["to"] > 3 * 0.1 * 730
    assert told["headline"].startswith("at least $")
    assert told["without_price"] == ["Public IP address"]
    machines = told["lines"][0]
    assert machines["quantity"] == {"from": 3, "to": 3}
    assert machines["words"]["count"] == "3"
    assert machines["words"]["monthly"].startswith("$")
    used = [line for line in told["lines"] if line["by_use"]]
    assert used
    assert all(line["words"]["count"] == line["words"]["monthly"] == "" for line in used)
    assert any("Public IP address" in note for note in told["notes"])


async def test_a_plan_that_is_wrong_has_no_cost(desk: Desk, own_home):
    with pytest.raises(InputError):
        await desk.ask("cost", plan=plan_values("cost-rg", count=0))


async def test_the_prices_of_sizes(sandbox: dict[str, Any], desk: Desk):
    linux = await desk.ask("size_prices", location="westeurope")
    windows = await desk.ask("size_prices", location="westeurope", os="windows")
    assert linux["monthly"]["Standard_D2s_v5"] == pytest.approx(83.95)
    assert windows["monthly"]["Standard_D2s_v5"] == pytest.approx(151.11)
    assert (await desk.ask("size_prices", location="atlantis"))["monthly"] == {}


async def test_a_cloud_without_a_list_tells_why(desk: Desk, own_home):
    told = await desk.ask("size_prices", location="chinanorth3", cloud="china")
    assert told["monthly"] == {}
    assert "no list of retail prices" in told["why"]
