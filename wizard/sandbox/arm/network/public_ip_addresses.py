"""Public IP addresses: here an address of the sandbox's own loopback network, which really can be listened at."""

from __future__ import annotations

import ipaddress
import re
from typing import ClassVar

from wizard import ids
from wizard.sandbox import address
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Durations
from wizard.sandbox.arm.network.references import References, Use
from wizard.sandbox.arm.network.resource import NetworkKind, check_zones, choice, number
from wizard.sandbox.store import Document, Json, Store

DNS_SUFFIX = "cloudapp.azure.com"
FIRST_HOST = 4
_LABEL = re.compile(r"[a-z][a-z0-9-]{1,61}[a-z0-9]")


class PublicIpAddresses(NetworkKind):
    type = "Microsoft.Network/publicIPAddresses"
    durations = Durations(create=4, update=3, delete=6)
    computed: ClassVar = {"": ("ipConfiguration", "natGateway", "ipAddress")}

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        super().validate(call, body, existing)
        facts = body["properties"]
        sku = body.get("sku") or {"name": "Standard"}
        if existing is not None and body.get("sku") is None:
            sku = existing.body["sku"]
        body["sku"] = {"name": choice(sku, "name", ("Basic", "Standard", "StandardV2"), call.id), "tier": "Regional"}
        if body["sku"]["name"] == "Basic":
            raise ArmError(
                400,
                "BasicSkuPublicIpAddressRetired",  # Azure refuses since the retirement; the code is from memory
                "Basic SKU public IP addresses were retired on 2025-09-30 and cannot be created. Use the Standard SKU.",
            )
        if choice(facts, "publicIPAddressVersion", ("IPv4", "IPv6"), call.id, default="IPv4") == "IPv6":
            raise ArmError(400, "IPv6NotSupported", "This cloud has no IPv6 public addresses.")
        if choice(facts, "publicIPAllocationMethod", ("Static", "Dynamic"), call.id, default="Static") == "Dynamic":
            raise ArmError(
                400,
                "PublicIPAllocationMethodNotSupported",  # code from memory
                f"Public IP address {call.id} of the Standard SKU must have the allocation method Static.",
            )
        facts["idleTimeoutInMinutes"] = number(facts, "idleTimeoutInMinutes", 4, 30, call.id, default=4)
        check_zones(call, body, call.id)
        self._check_dns(call, facts, body["location"])

    def _check_dns(self, call: Call, facts: Json, location: str) -> None:
        label = (facts.get("dnsSettings") or {}).get("domainNameLabel")
        if label is None:
            return
        if not isinstance(label, str) or not _LABEL.fullmatch(label):
            raise ArmError(
                400,
                "InvalidDomainNameLabel",
                f"The domain name label {label} is invalid. It must conform to the following regular expression: "
                "^[a-z][a-z0-9-]{1,61}[a-z0-9]$.",
            )
        owner = label_owner(self.world.store, label, location)
        if owner is not None and ids.key(owner.id) != ids.key(call.id):
            raise ArmError(
                409,
                "DnsRecordInUse",
                f"DNS record {label}.{location}.{DNS_SUFFIX} is already used by another public IP.",
            )

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        represented = super().represent(call, body, existing)
        facts = represented["properties"]
        facts["ipAddress"] = existing.body["properties"]["ipAddress"] if existing else self._free_address(call)
        facts.setdefault("ipTags", [])
        if label := (facts.get("dnsSettings") or {}).get("domainNameLabel"):
            facts["dnsSettings"] = {
                **facts["dnsSettings"],
                "fqdn": f"{label}.{represented['location']}.{DNS_SUFFIX}",
            }
        return represented

    def _free_address(self, call: Call) -> str:
        if self.world.network == address.SHARED:
            return "127.0.0.1"
        used = {document.body["properties"]["ipAddress"] for document in self.world.store.of_type(self.type)}
        for host in list(ipaddress.ip_network(self.world.network).hosts())[FIRST_HOST - 1 :]:
            if str(host) not in used:
                return str(host)
        raise ArmError(
            400,
            "PublicIPCountLimitReached",
            f"Cannot create more than {len(used)} public IP addresses for this subscription in this region.",
        )

    def link(self, document: Document, properties: Json, uses: References) -> None:
        user = user_of(uses, document.id)
        if user is None:
            return
        properties["natGateway" if user.kind == "natgateways" else "ipConfiguration"] = {"id": user.by}

    def check_delete(self, call: Call, document: Document) -> None:
        from wizard.sandbox.arm.network import references

        user = user_of(references.of(self.world.store), document.id)
        if user is not None:
            raise ArmError(
                400,
                "PublicIPAddressCannotBeDeleted",
                f"Public IP address {document.id} can not be deleted since it is still allocated to resource "
                f"{user.by}. In order to delete the public IP, disassociate/detach the Public IP address from the "
                "resource. To learn how to do this, see aka.ms/deletepublicip.",
            )


def user_of(uses: References, id: str) -> Use | None:
    """The one that an address is allocated to."""
    found = uses.to(id, "loadbalancers", "natgateways", "networkinterfaces")
    return found[0] if found else None


def check_free(call: Call, reference: Json, by: str) -> None:
    """An address serves one resource; `by` is the one that asks for it."""
    from wizard.sandbox.arm.network import references

    for use in references.of(call.world.store).to(reference["id"], "loadbalancers", "natgateways", "networkinterfaces"):
        if ids.key(use.by) != ids.key(by):
            raise ArmError(
                400,
                "PublicIPAddressInUse",
                f"Resource {by} is referencing public IP address {reference['id']} that is already allocated to "
                f"resource {use.by}.",
            )


def label_owner(store: Store, label: str, location: str) -> Document | None:
    """Who has a DNS label in a region."""
    for document in store.of_type(PublicIpAddresses.type):
        settings = document.body["properties"].get("dnsSettings") or {}
        if settings.get("domainNameLabel") == label.lower() and document.body["location"] == location:
            return document
    return None
