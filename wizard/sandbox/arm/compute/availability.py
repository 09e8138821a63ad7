"""Availability sets: fault and update domains, fixed at creation; machines join only at theirs."""

from __future__ import annotations

from wizard.sandbox.arm.compute import attachments, hardware
from wizard.sandbox.arm.compute.power import conflict
from wizard.sandbox.arm.compute.reading import (
    change,
    invalid,
    mapping,
    not_allowed,
    number,
    text,
    without_nulls,
    writable,
)
from wizard.sandbox.arm.compute.sizes import listing
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Kind, Reply, action
from wizard.sandbox.catalog import ALIGNED, CLASSIC
from wizard.sandbox.store import Document, Json

FAULT, UPDATE = "platformFaultDomainCount", "platformUpdateDomainCount"
DEFAULT_UPDATE_DOMAINS, MOST_UPDATE_DOMAINS = 5, 20
MOST_CLASSIC_FAULT_DOMAINS = 3


class AvailabilitySets(Kind):
    """Microsoft.Compute/availabilitySets: answered at once, and a PUT takes 200 only."""

    type = attachments.AVAILABILITY_SET
    created_status = 200
    deleted_status = 200
    provisioning = None

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        sku = _sku(body)
        region = hardware.region(self.world.catalog, body["location"], self.type, call.name)
        most = region.fault_domains if sku == ALIGNED else MOST_CLASSIC_FAULT_DOMAINS
        fault, update = self._counts(body, most)
        if not 1 <= fault <= most:
            raise invalid(f"The specified fault domain count {fault} must fall in the range 1 to {most}.", FAULT)
        if not 1 <= update <= MOST_UPDATE_DOMAINS:
            raise invalid(
                f"The specified update domain count {update} must fall in the range 1 to {MOST_UPDATE_DOMAINS}.", UPDATE
            )
        if existing is None:
            return
        kept = existing.body["properties"]
        for name, value in (
            (FAULT, number(body, f"properties.{FAULT}")),
            (UPDATE, number(body, f"properties.{UPDATE}")),
        ):
            if value is not None and value != kept[name]:
                raise change(name)
        if _sku(existing.body) == ALIGNED and sku == CLASSIC:
            raise not_allowed("Changing availability set SKU from 'Aligned' to 'Classic' is not allowed.")

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        body = without_nulls(body)
        region = hardware.region(self.world.catalog, body["location"], self.type, call.name)
        properties = mapping(body, "properties")
        if existing is not None:
            properties = {**existing.body["properties"], **{k: v for k, v in properties.items() if v is not None}}
        fault, update = self._counts({"properties": properties}, region.fault_domains)
        properties.pop("virtualMachines", None)
        body["sku"] = {"name": _sku(body)}
        body["properties"] = {**properties, FAULT: fault, UPDATE: update}
        return writable(body)

    def _counts(self, body: Json, most: int) -> tuple[int, int]:
        fault, update = number(body, f"properties.{FAULT}"), number(body, f"properties.{UPDATE}")
        # Left out, Azure takes as many fault domains as the region has (from memory) and five update domains.
        return most if fault is None else fault, DEFAULT_UPDATE_DOMAINS if update is None else update

    def check_delete(self, call: Call, document: Document) -> None:
        if attachments.members(self.world.store, document.id):
            raise not_allowed(
                f"Availability Set '{document.name}' cannot be deleted. Before deleting an Availability Set please "
                "ensure that it does not contain any VM."
            )

    def busy(self, call: Call, document: Document, operation_url: str) -> ArmError:
        return conflict()

    def show(self, document: Document, call: Call | None = None) -> Json:
        shown = super().show(document, call)
        members = attachments.members(self.world.store, document.id)
        shown["properties"] = {**shown["properties"], "virtualMachines": [{"id": vm.id} for vm in members]}
        return shown

    @action("vmSizes", method="GET")
    async def sizes(self, call: Call, document: Document) -> Reply:
        """Every size of the region: nothing here is ever out of capacity."""
        return Reply(200, listing(self.world.catalog, document.body["location"]))


def _sku(body: Json) -> str:
    name = text(body, "sku.name") or CLASSIC
    for known in (ALIGNED, CLASSIC):
        if name.lower() == known.lower():
            return known
    raise invalid(f"The value '{name}' of parameter sku.name is invalid.", "sku.name")
