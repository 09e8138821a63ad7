"""NAT gateways: the way out of private subnets."""

from __future__ import annotations

from typing import ClassVar

from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Durations
from wizard.sandbox.arm.network import public_ip_addresses, references
from wizard.sandbox.arm.network.references import References
from wizard.sandbox.arm.network.resource import NetworkKind, check_zones, choice, number, target
from wizard.sandbox.store import Document, Json


class NatGateways(NetworkKind):
    type = "Microsoft.Network/natGateways"
    durations = Durations(create=12, update=8, delete=10)
    retry_after_s = 10.0
    computed: ClassVar = {"": ("subnets",)}

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        super().validate(call, body, existing)
        facts = body["properties"]
        sku = body.get("sku") or {"name": "Standard"}
        body["sku"] = {"name": choice(sku, "name", ("Standard", "StandardV2"), call.id), "tier": "Regional"}
        facts["idleTimeoutInMinutes"] = number(facts, "idleTimeoutInMinutes", 4, 120, call.id, default=4)
        check_zones(call, body, call.id)
        checked = []
        for value in facts.get("publicIpAddresses") or ():
            found, _ = target(call, value, "publicIPAddresses", call.id, "publicIpAddresses", body["location"])
            public_ip_addresses.check_free(call, found, call.id)
            checked.append(found)
        if checked:
            facts["publicIpAddresses"] = checked

    def link(self, document: Document, properties: Json, uses: References) -> None:
        if users := uses.to(document.id, "virtualnetworks"):
            properties["subnets"] = [{"id": use.by} for use in users]

    def check_delete(self, call: Call, document: Document) -> None:
        users = references.of(self.world.store).to(document.id, "virtualnetworks")
        if users:
            raise ArmError(
                400,
                "InUseNatGatewayCannotBeDeleted",
                f"NAT Gateway {document.id} cannot be deleted because it is in use by the following resources: "
                f"{', '.join(use.by for use in users)}. In order to delete the NAT Gateway, remove the association "
                "with the resource(s).",
            )
