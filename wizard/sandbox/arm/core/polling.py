"""Where a client asks how an operation goes."""

from __future__ import annotations

from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Provider, Reply, route
from wizard.sandbox.arm.operations import Operation


class Polling(Provider):
    """The URLs of `Azure-AsyncOperation` and `Location`."""

    namespace = ""

    @route("GET", "subscriptions/{subscription}/providers/{namespace}/locations/{location}/operations/{id}")
    async def status(self, call: Call, subscription: str, namespace: str, location: str, id: str) -> Reply:
        call.type = f"{namespace}/locations/operations"
        return self.world.operations.status(self._operation(id), call)

    @route("GET", "subscriptions/{subscription}/providers/{namespace}/locations/{location}/operationResults/{id}")
    async def result(self, call: Call, subscription: str, namespace: str, location: str, id: str) -> Reply:
        call.type = f"{namespace}/locations/operationResults"
        return self.world.operations.result(self._operation(id), call)

    @route("GET", "subscriptions/{subscription}/operationresults/{id}")
    async def own_result(self, call: Call, subscription: str, id: str) -> Reply:
        call.type = "Microsoft.Resources/operationresults"
        return self.world.operations.result(self._operation(id), call)

    def _operation(self, id: str) -> Operation:
        operation = self.world.operations.find(id)
        if operation is None or (operation.fault or {}).get("kind") == "lost-operation":
            raise ArmError(404, "OperationNotFound", f"The operation '{id}' could not be found.")
        return operation
