"""A desk whose answers are written down beforehand: the questions a test's screens ask, without process or cloud.

The shapes are those of `wizard.desk`. A test changes `answers[question]`: a value, an exception to raise, or a function
of the question's values. `asked` holds every question with its values, in order.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILy7b5ZvbEYbTDkvmcKhZhXgZhW2YqmeAmScyEwbHBKo multivm-wizard"
KEY = {
    "name": "id_ed25519",
    "path": "/home/me/.ssh/id_ed25519.pub",
    "public": PUBLIC,
    "type": "ssh-ed25519",
    "fingerprint": "SHA256:Q3hk0uZ6Fzq6lV0bVqkQFQ1Xq7",
    "comment": "multivm-wizard",
    "ours": True,
    "private": "/home/me/.ssh/id_ed25519",
    "problem": "",
}
Told = Callable[[dict[str, Any]], None]
SUBSCRIPTION = "0f5e2a7c-1b1c-4c60-8a53-5a1d6d1f0001"


def region(name: str, label: str, geography: str = "Europe", recommended: bool = True) -> dict[str, Any]:
    return {"name": name, "label": label, "geography": geography, "recommended": recommended}


def size(name: str, vcpus: int, memory: float, why: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "vcpus": vcpus,
        "memory_gib": memory,
        "family": "standardDSv5Family",
        "architecture": "x64",
        "premium_disks": True,
        "zones": ["1", "2", "3"],
        "data_disks": 4,
        "encryption_at_host": True,
        "available": not why,
        "why": why,
        "vcpus_left": 96,
    }


def cloud(name: str, label: str, **more: Any) -> dict[str, Any]:
    found = {
        "name": name,
        "label": label,
        "signed_in": False,
        "how": "",
        "account": "",
        "preselected": False,
        "running": None,
        "methods": ["azure-cli", "browser", "device-code", "service-principal", "managed-identity"],
    }
    return {**found, **more}


def image(name: str, label: str, os: str = "linux", why: str = "") -> dict[str, Any]:
    urn = f"Publisher:{name}:sku:latest"
    return {"name": name, "label": label, "os": os, "urn": urn, "version": "1.2.3", "available": not why, "why": why}


def subscription(id: str, name: str, chosen: bool = False) -> dict[str, Any]:
    return {"id": id, "name": name, "state": "Enabled", "tenant": "9c1d0c11", "chosen": chosen}


def signed_in(cloud: str, method: str, subscriptions: list[dict[str, Any]]) -> dict[str, Any]:
    only = subscriptions[0]["id"] if len(subscriptions) == 1 else None
    return {
        "cloud": cloud,
        "method": method,
        "label": method,
        "account": "me@example.org",
        "tenant": "9c1d0c11",
        "subscription": only,
        "subscriptions": subscriptions,
    }


def scale_outlook(name: str, count: int, there: int = 2, auth: str = "ssh-key") -> dict[str, Any]:
    """Of a deployment with two VMs, web1 and web2."""
    new = [f"web{number}" for number in range(there + 1, count + 1)]
    leaving = [f"web{number}" for number in range(there, count, -1)]

    def of(vms: list[str]) -> list[dict[str, str]]:
        kinds = (("Microsoft.Network/networkInterfaces", "-nic"), ("Microsoft.Compute/virtualMachines", ""))
        return [{"id": f"/{vm}{more}", "type": kind, "name": f"{vm}{more}"} for vm in vms for kind, more in kinds]

    balancer = {"id": "/lb", "type": "Microsoft.Network/loadBalancers", "name": "web-lb"}
    return {
        "name": name,
        "from": there,
        "to": count,
        "ready": True,
        "complete": count == there,
        "problems": [],
        "created": of(new),
        "changed": [balancer] if count != there else [],
        "deleted": of(leaving),
        "new_vms": new,
        "leaving_vms": leaving,
        "needs_password": new if auth == "password" else [],
    }


def cost_line(what: str, count: str, price: str, monthly: float | None, *, by_use: bool = False) -> dict[str, Any]:
    told = f"${monthly:,.2f}" if monthly is not None else ""
    return {
        "what": what,
        "quantity": None if by_use else {"from": int(count), "to": int(count)},
        "unit": "hour",
        "unit_price": None,
        "monthly": None if monthly is None else {"from": monthly, "to": monthly},
        "by_use": by_use,
        "after": 0.0,
        "why": "",
        "words": {"count": count, "price": price, "monthly": told},
    }


def cost(plan: dict[str, Any], *, billed: bool = False) -> dict[str, Any]:
    """Of machines at $83.95 a month, beside a balancer; an address has no price."""
    count = int(plan["machines"]["count"] if "machines" in plan else plan["machines.count"])
    total = count * 83.95 + 18.25
    return {
        "currency": "USD",
        "region": "westeurope",
        "billed": billed,
        "hourly": {"from": total / 730, "to": total / 730},
        "monthly": {"from": total, "to": total},
        "complete": False,
        "without_price": ["Public IP address"],
        "asked": "2026-11-30T08:00:00+00:00",
        "since": "2026-10-03",
        "stale": False,
        "why": "",
        "headline": f"at least ${total:,.0f} a month",
        "notes": [
            "Not in the sum, for want of a price: Public IP address.",
            "Retail prices in USD, for months of 730 hours.",
        ],
        "lines": [
            cost_line("Standard_D2s_v5, Linux", str(count), "$0.115 per hour", count * 83.95),
            cost_line("Public IP address", "1", "no price", None),
            cost_line("Load balancer, up to 5 rules", "1", "$0.025 per hour", 18.25),
            cost_line("Through the load balancer", "", "$0.005 per GB", None, by_use=True),
        ],
    }


def _answers() -> dict[str, Any]:
    sandbox = {"signed_in": True, "how": "own", "preselected": True, "running": False, "methods": ["own"]}
    return {
        "clouds": [
            cloud("sandbox", "Sandbox", **sandbox),
            cloud("public", "Azure"),
            cloud("usgov", "Azure US Government"),
            cloud("china", "Azure China"),
        ],
        "terms": lambda cloud: {"billed": cloud != "sandbox"},
        "sign_in": lambda cloud, method="own", **_more: signed_in(
            cloud, method, [subscription(SUBSCRIPTION, "Sandbox")]
        ),
        "subscriptions": [subscription(SUBSCRIPTION, "Sandbox", chosen=True)],
        "choose": lambda subscription, cloud="": {"cloud": cloud, "subscription": subscription},
        "handover": None,
        "my_address": {"range": "203.0.113.7/32", "why": "the address this computer is seen from"},
        "groups": [],
        "regions": [
            region("westeurope", "West Europe"),
            region("northeurope", "North Europe"),
            region("eastus", "East US", "US"),
        ],
        "sizes": [
            size("Standard_B2s", 2, 4),
            size("Standard_D2s_v5", 2, 8),
            size("Standard_D4s_v5", 4, 16),
            size("Standard_M128s", 128, 2048, "not offered to this subscription in westeurope"),
        ],
        "images": [
            image("ubuntu-24.04", "Ubuntu Server 24.04 LTS"),
            image("debian-12", "Debian 12"),
        ],
        "fault_domains": {"most": 2},
        "keys": [KEY],
        "generate_key": KEY,
        "generate_password": {"password": "Made-4-you-by-the-desk"},
        "deployments": [],
        "plan_problems": [],
        "preflight": {"ready": True, "problems": [], "seconds": 0.1},
        "blueprint": [],
        "outlook": {
            "ready": True,
            "complete": True,
            "problems": [],
            "resources": [],
            "new_vms": [],
            "needs_password": [],
        },
        "save_plan": lambda plan, path, overwrite=False: {"path": path},
        "load_plan": lambda path: {"path": path, "plan": {}, "problems": []},
        "forget": lambda name: {"name": name},
        "scale_outlook": scale_outlook,
        "cost": cost,
        "size_prices": {"monthly": {"Standard_B2s": 35.04, "Standard_D2s_v5": 83.95}, "why": ""},
        "reset_outlook": lambda **_asked: {"warnings": [], "users": {}},
    }


class FakeDesk:
    """Answers at once, in the next turn of the loop. `hold(question)` keeps one waiting until `release()`."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {**_answers(), **answers}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.closed = False
        self.tells: list[Told] = []
        self._held: dict[str, asyncio.Event] = {}

    async def ask(self, question: str, /, *, told: Told | None = None, **values: Any) -> Any:
        self.asked.append((question, values))
        if told is not None:
            self.tells.append(told)
        await asyncio.sleep(0)
        if question in self._held:
            await self._held[question].wait()
        answer = self.answers[question]
        if callable(answer):
            answer = answer(**values)
        if isinstance(answer, BaseException):
            raise answer
        return copy.deepcopy(answer)

    def listen(self, told: Told) -> Callable[[], None]:
        self.tells.append(told)
        return lambda: self.tells.remove(told)

    async def close(self) -> None:
        self.closed = True

    def hold(self, question: str) -> None:
        """Let this question wait, as a slow cloud does."""
        self._held[question] = asyncio.Event()

    def release(self, question: str) -> None:
        """Let it be answered."""
        self._held.pop(question).set()

    def tell(self, **event: Any) -> None:
        """Tell something unasked, as the desk does (`device_code`)."""
        for listener in self.tells:
            listener(event)

    def questions(self) -> list[str]:
        """The names of what was asked, in order."""
        return [question for question, _values in self.asked]
