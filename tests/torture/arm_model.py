"""The sandbox's ARM against a model of it: resources that refer to each other, written, read, listed and deleted.

The model is a dictionary. Whatever is asked, ARM must answer as the dictionary would: what refers to something missing
is refused, what is in use stays, an etag guards, one write runs at a time, and a group holds what was put into it.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.parse
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tomli_w
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.sandbox.arm import bodies
from tests.sandbox.arm.conftest import secret_of
from wizard.sandbox import control, faults_channel

NETWORK = "/providers/Microsoft.Network"
KINDS = (
    "networkSecurityGroups",
    "publicIPAddresses",
    "natGateways",
    "virtualNetworks",
    "loadBalancers",
    "networkInterfaces",
)
NSG, PIP, NAT, VNET, LB, NIC = KINDS
NAMES = st.sampled_from(["aa", "bb", "cc"])
MAYBE = st.one_of(st.none(), NAMES)

IN_USE = {
    NSG: "InUseNetworkSecurityGroupCannotBeDeleted",
    PIP: "PublicIPAddressCannotBeDeleted",
    NAT: "InUseNatGatewayCannotBeDeleted",
    VNET: "InUseSubnetCannotBeDeleted",
}

Name = tuple[str, str]


@dataclass
class Kept:
    """One resource of the model: what it refers to (by what for), and its etag."""

    refers: dict[str, Name]
    etag: str = ""


class Client:
    """One signed-in connection, without asyncio: the machine's rules are plain functions."""

    def __init__(self) -> None:
        state = control.running()
        assert state is not None
        self.state = state
        host = urllib.parse.urlsplit(state["arm"]).netloc
        context = ssl.create_default_context(cafile=state["ca"])
        self._connection = http.client.HTTPSConnection(host, context=context, timeout=20)
        form = {
            "grant_type": "client_credentials",
            "client_id": state["client_id"],
            "client_secret": secret_of(state),
            "scope": f"{state['arm']}/.default",
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        path = f"/{state['tenant']}/oauth2/v2.0/token"
        self._connection.request("POST", path, urllib.parse.urlencode(form), headers)
        token = json.loads(self._connection.getresponse().read())["access_token"]
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.root = f"/subscriptions/{state['subscription']}"

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON, headers in lower case. `If_Match` is a header's name, too."""
        given = {**self._headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        url = path if "api-version=" in path else f"{self.root}{path}?api-version=2024-05-01"
        self._connection.request(method, url, None if body is None else json.dumps(body), given)
        answer = self._connection.getresponse()
        text = answer.read()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, json.loads(text) if text else None, told

    def ended(self, headers: dict[str, str]) -> tuple[str, str]:
        """Wait for an accepted operation: status, error code."""
        url = headers.get("azure-asyncoperation") or headers.get("location")
        deadline = time.monotonic() + 20
        while url is not None and time.monotonic() < deadline:
            status, body, _ = self("GET", urllib.parse.urlsplit(url)._replace(scheme="", netloc="").geturl())
            if status != 202 and (body or {}).get("status") != "InProgress":
                return (body or {}).get("status", "Succeeded"), ((body or {}).get("error") or {}).get("code", "")
            time.sleep(0.002)
        assert url is None, "the operation did not end"
        return "Succeeded", ""

    def close(self) -> None:
        self._connection.close()


def body_of(kind: str, id: Callable[[str, str], str], refers: dict[str, Name], own: str) -> dict[str, Any]:
    """A body that refers to just these."""

    def at(what: str) -> str:
        return id(*refers[what])

    match kind:
        case "networkSecurityGroups":
            return bodies.nsg(bodies.rule())
        case "publicIPAddresses":
            return bodies.public_ip()
        case "natGateways":
            return bodies.nat_gateway(*([at("address")] if "address" in refers else []))
        case "virtualNetworks":
            inner: dict[str, Any] = {
                key: {"id": at(what)}
                for key, what in (("networkSecurityGroup", "nsg"), ("natGateway", "nat"))
                if what in refers
            }
            return bodies.vnet(bodies.subnet(**inner))
        case "loadBalancers":
            return bodies.balancer(id(LB, own), at("address"), nat_ports=())
    pools = (f"{at('balancer')}/backendAddressPools/be",) if "balancer" in refers else ()
    return bodies.nic(f"{at('network')}/subnets/web", pools=pools)


class ArmMachine(RuleBasedStateMachine):
    """Rules ask ARM and the model the same."""

    def __init__(self) -> None:
        super().__init__()
        self.client = Client()
        self.group = f"model-{uuid.uuid4().hex[:8]}"
        self.kept: dict[Name, Kept] = {}

    @initialize()
    def make_group(self) -> None:
        status, _, _ = self.client("PUT", f"/resourceGroups/{self.group}", {"location": bodies.LOCATION})
        assert status == 201

    def teardown(self) -> None:
        status, _, headers = self.client("DELETE", f"/resourceGroups/{self.group}")
        if status == 202:
            self.client.ended(headers)
        assert self.client("GET", f"/resourceGroups/{self.group}")[0] == 404
        self.client.close()

    # What is asked

    def path(self, kind: str, name: str) -> str:
        return f"/resourceGroups/{self.group}{NETWORK}/{kind}/{name}"

    def id(self, kind: str, name: str) -> str:
        return self.client.root + self.path(kind, name)

    def put(self, name: Name, refers: dict[str, Name], **headers: str) -> tuple[int, str]:
        """Write and wait. The status, and the error code of the answer or of the operation's end."""
        body = body_of(name[0], self.id, refers, name[1])
        status, told, answered = self.client("PUT", self.path(*name), body, **headers)
        if status >= 400:
            return status, str(told["error"]["code"])
        ended, code = self.client.ended(answered)
        assert ended == "Succeeded", code
        self.kept[name] = Kept(refers)
        return status, ""

    def users(self, name: Name) -> list[tuple[Name, str]]:
        return [(user, what) for user, kept in self.kept.items() for what, used in kept.refers.items() if used == name]

    def judge(self, name: Name, refers: dict[str, Name], **headers: str) -> None:
        """A write succeeds unless something that it refers to is missing or taken."""
        before = self.kept.get(name)
        missing = [used for used in refers.values() if used not in self.kept]
        address = refers.get("address")
        taken = address is not None and any(user != name for user, what in self.users(address) if what == "address")
        status, code = self.put(name, refers, **headers)
        if missing:
            assert (status, code) in ((400, "InvalidResourceReference"), (404, "InvalidResourceReference")), (
                status,
                code,
            )
        elif taken:
            assert (status, code) == (400, "PublicIPAddressInUse"), (status, code)
        else:
            assert status == (201 if before is None else 200), (status, code)

    @rule(name=NAMES)
    def put_security_group(self, name: str) -> None:
        self.judge((NSG, name), {})

    @rule(name=NAMES)
    def put_address(self, name: str) -> None:
        self.judge((PIP, name), {})

    @rule(name=NAMES, address=MAYBE)
    def put_gateway(self, name: str, address: str | None) -> None:
        self.judge((NAT, name), {"address": (PIP, address)} if address else {})

    @rule(name=NAMES, nsg=MAYBE, nat=MAYBE)
    def put_network(self, name: str, nsg: str | None, nat: str | None) -> None:
        refers = {"nsg": (NSG, nsg)} if nsg else {}
        self.judge((VNET, name), {**refers, **({"nat": (NAT, nat)} if nat else {})})

    @rule(name=NAMES, address=NAMES)
    def put_balancer(self, name: str, address: str) -> None:
        before = self.kept.get((LB, name))
        # A frontend's address is fixed once it is there: the model keeps to it.
        self.judge((LB, name), before.refers if before else {"address": (PIP, address)})

    @rule(name=NAMES, network=NAMES, balancer=MAYBE)
    def put_interface(self, name: str, network: str, balancer: str | None) -> None:
        before = self.kept.get((NIC, name))
        home = before.refers["network"] if before else (VNET, network)  # an interface stays in its network
        self.judge((NIC, name), {"network": home, **({"balancer": (LB, balancer)} if balancer else {})})

    @rule(kind=st.sampled_from(KINDS), name=NAMES)
    def delete(self, kind: str, name: str) -> None:
        users = self.users((kind, name))
        status, told, headers = self.client("DELETE", self.path(kind, name))
        if (kind, name) not in self.kept:
            assert status == 204
        elif users and kind in IN_USE:
            assert (status, told["error"]["code"]) == (400, IN_USE[kind])
        else:
            assert status in (200, 202), told
            assert self.client.ended(headers)[0] == "Succeeded"
            del self.kept[kind, name]
            for user, what in users:  # interfaces leave the pools of a balancer that goes
                del self.kept[user].refers[what]

    @rule(kind=st.sampled_from(KINDS), name=NAMES)
    def get(self, kind: str, name: str) -> None:
        status, told, _ = self.client("GET", self.path(kind, name))
        assert status == (200 if (kind, name) in self.kept else 404)
        if status == 200:
            assert told["properties"]["provisioningState"] == "Succeeded"
            shown = json.dumps(told).lower()
            for used in self.kept[kind, name].refers.values():
                assert f'{self.id(*used).lower()}"' in shown or f"{self.id(*used).lower()}/" in shown

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def etags_guard(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.kept)))
        refers = self.kept[name].refers
        told = self.client("GET", self.path(*name))[1]
        assert self.put(name, refers, If_None_Match="*") == (412, "PreconditionFailed")
        assert self.put(name, refers, If_Match='W/"00000000-0000-0000-0000-000000000000"')[0] == 412
        if "etag" in told:
            assert self.put(name, refers, If_Match=told["etag"])[0] == 200
            assert self.put(name, refers, If_Match=told["etag"])[0] == 412
            assert self.client("DELETE", self.path(*name), If_Match=told["etag"])[0] == 412

    @rule(name=NAMES, kind=st.sampled_from([NSG, PIP]))
    def an_absent_one_has_no_etag(self, name: str, kind: str) -> None:
        if (kind, name) not in self.kept:
            assert self.put((kind, name), {}, If_Match="*") == (412, "PreconditionFailed")

    @rule(name=NAMES, data=st.data())
    def one_write_at_a_time(self, name: str, data: st.DataObject) -> None:
        """While an operation is held up, nothing else is written, and nothing new refers to it."""
        held = (NSG, name)
        fault = {"kind": "stalled", "group": self.group, "type": f"Microsoft.Network/{NSG}", "name": name}
        faults_channel.put(tomli_w.dumps({"fault": [fault]}))
        try:
            status, _, headers = self.client("PUT", self.path(*held), bodies.nsg())
            assert status == (200 if held in self.kept else 201)
            assert self.client("GET", self.path(*held))[1]["properties"]["provisioningState"] == "Updating"
            for method, body in (("PUT", bodies.nsg()), ("DELETE", None)):
                refused, told, _ = self.client(method, self.path(*held), body)
                assert (refused, told["error"]["code"]) == (409, "AnotherOperationInProgress")
        finally:
            faults_channel.put("")
        assert self.client.ended(headers) == ("Succeeded", "")
        self.kept[held] = Kept({})

    @invariant()
    def lists_hold_what_is_there(self) -> None:
        status, told, _ = self.client("GET", f"/resourceGroups/{self.group}/resources")
        if status == 404:
            return  # before the first rule
        listed = {(one["type"].split("/")[1], one["name"]) for one in told["value"]}
        assert listed == set(self.kept)
