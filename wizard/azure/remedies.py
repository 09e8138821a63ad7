"""What to do about each of ARM's error codes: the one table that errors, deployments and preflight tell from.

Codes as Azure's documentation lists them (Troubleshoot common Azure deployment errors; Compute and Network error
codes). A code that is absent has no remedy that would be true for everybody.
"""

from __future__ import annotations

_QUOTA = (
    "Take a smaller size or fewer machines, another region, or ask for more: Azure portal, Quotas, or az quota update."
)
_BUSY = "It passes by itself: run the same command again."
_RIGHTS = (
    "Ask an owner for the role Contributor on the subscription or the resource group; a role just given needs some"
    " minutes and a new sign-in."
)
_SIZE = "Take another size or region: az vm list-skus --location REGION --size SIZE shows what is offered to you."
_IMAGES = "az vm image list --location REGION --publisher PUBLISHER --all shows the region's images."
_AZURE_FAILED = "Azure failed by itself: run again; if it stays, see https://status.azure.com."
_IN_USE = "Remove what still uses it first; destroy does so in the right order."

REMEDIES: dict[str, str] = {
    # The subscription's limits, and what a region has
    "QuotaExceeded": _QUOTA,
    "OperationNotAllowed": "",  # told apart by `for_error`
    "PublicIPCountLimitReached": _QUOTA,
    "SubscriptionRequestsThrottled": _BUSY,
    "TooManyRequests": _BUSY,
    "SkuNotAvailable": _SIZE,
    "AllocationFailed": "The region has no room for this size now: try again later, another size, or another region.",
    "ZonalAllocationFailed": "The zone has no room for this size now: try again later, another size or zone.",
    "OverconstrainedAllocationRequest": "No hardware fits all conditions at once: another size, or no zone.",
    "InvalidResourceType": "This resource type is not offered here: check the region and the cloud.",
    "LocationNotAvailableForResourceType": "Take a region that offers this resource type.",
    "InvalidLocation": "Write the region as az account list-locations names it, such as westeurope.",
    "NoRegisteredProviderFound": "Check the region: this resource type or api-version is not offered there.",
    "VMSizeNotSupported": _SIZE,
    # What a subscription permits
    "AuthorizationFailed": _RIGHTS,
    "LinkedAuthorizationFailed": _RIGHTS,
    "AuthorizationPermissionMismatch": _RIGHTS,
    "RequestDisallowedByPolicy": "A policy forbids it: change what it names, or ask its owner for an exemption.",
    "ScopeLocked": "A lock protects it: remove the lock, or work in another resource group.",
    "MissingSubscriptionRegistration": "Register the provider: az provider register --namespace NAMESPACE --wait",
    "SubscriptionNotRegistered": "Register the provider: az provider register --namespace NAMESPACE --wait",
    "SubscriptionNotFound": "Check the subscription's id and the tenant that you signed in to: az account list",
    "ReadOnlyDisabledSubscription": "The subscription is disabled: its owner can see why under Cost Management.",
    "DisallowedOperation": "This subscription's offer does not permit it: use another subscription.",
    # What was asked for
    "InvalidParameter": "",  # told apart by `for_error`
    "InvalidTemplate": "",
    "InvalidDomainNameLabel": "A DNS label is 3 to 63 of a-z, 0-9 and -, begins with a letter and ends without -.",
    "DnsRecordInUse": "The DNS label is taken in this region: choose another in balancer.dns_label.",
    "StorageAccountAlreadyTaken": "The account's name is taken by somebody in the world: choose another.",
    "StorageAccountAlreadyExists": "The account's name is taken by somebody in the world: choose another.",
    "ImageNotFound": _IMAGES,
    "PlatformImageNotFound": _IMAGES,
    "MarketplacePurchaseEligibilityFailed": "Accept the image's terms once: az vm image terms accept --urn URN",
    "ResourcePurchaseValidationFailed": "Accept the image's terms once: az vm image terms accept --urn URN",
    "PropertyChangeNotAllowed": (
        "Azure cannot change this on a machine that exists: put the plan's value back, or destroy and deploy anew."
    ),
    "SkuPropertyChangeNotAllowed": "Azure cannot change this in place: put the plan's value back, or deploy anew.",
    "ResourceNotFound": "It is gone, or was never made: deploy again.",
    "ResourceGroupNotFound": "Deploy first, or check the deployment's name and the subscription.",
    "ParentResourceNotFound": "What should hold it is gone: deploy again.",
    "InvalidResourceReference": "Something it refers to does not exist (any more): deploy again.",
    "PrivateIPAddressInUse": "Another network interface has this address: let Azure choose one.",
    "NetcfgSubnetRangesOverlap": "Two subnets overlap: change network.subnet or network.address_space.",
    "NetcfgSubnetRangeOutsideVnet": "The subnet is not inside the network: change network.subnet.",
    # What goes on at the same time
    "AnotherOperationInProgress": _BUSY,
    "RetryableError": _BUSY,
    "RetryableErrorDueToAnotherOperation": _BUSY,
    "CanceledAndSupersededDueToAnotherOperation": "Another change took its place: see who else works there, run again.",
    "OperationPreempted": "Another change took its place: see who else works there, run again.",
    "ConcurrentUpdateError": _BUSY,
    "NicReservedForAnotherVm": "Azure holds the network interface for 180 s after a failed machine: run again then.",
    "PreconditionFailed": "Somebody changed it in between: run the same command again.",
    "ResourceGroupBeingDeleted": "Wait until the group is gone (az group wait --deleted --name GROUP), then run again.",
    "ResourceGroupDeletionBlocked": _IN_USE,
    "InUseSubnetCannotBeDeleted": _IN_USE,
    "InUseNetworkSecurityGroupCannotBeDeleted": _IN_USE,
    "NicInUse": _IN_USE,
    "PublicIPAddressCannotBeDeleted": _IN_USE,
    # Inside a machine
    "OSProvisioningTimedOut": "The machine did not report in time: look at its boot diagnostics, and check the image.",
    "OSProvisioningClientError": "The machine could not be set up: look at its boot diagnostics, and check the image.",
    "OSProvisioningInternalError": _BUSY,
    "VMAgentStatusCommunicationError": "The machine's agent is silent: start or restart the machine, then run again.",
    "VMExtensionProvisioningError": "The extension failed inside the machine: its message says why.",
    "VMExtensionHandlerNonTransientError": "The extension failed inside the machine: its message says why.",
    "VMExtensionProvisioningTimeout": "The extension did not end in time: check that the machine's agent runs.",
    "CannotModifyExtensionsWhenVMNotRunning": "Start the machine, then run again.",
    "MultipleExtensionsPerHandlerNotAllowed": "Another extension of this kind is there: reuse or remove it.",
    "InternalServerError": _AZURE_FAILED,
    "InternalOperationError": _AZURE_FAILED,
    "ServiceUnavailable": _AZURE_FAILED,
}


def for_error(code: str, message: str, target: str = "") -> str:
    """The remedy for an error, or "" when none is known. Codes that Azure uses for many things are told apart."""
    if code == "OperationNotAllowed":
        text = message.lower()
        if "too many requests" in text:
            return _BUSY
        if "quota" in text or "limit" in text or "cores" in text:
            return _QUOTA
        if "not running" in text or "is not running" in text or "deallocated" in text:
            return "Start the machine, then run again."
        return ""
    if code == "InvalidParameter":
        if target.lower().endswith("password"):
            return "12 to 72 characters (Windows: 123), three of: lower case, upper case, digit, other; no known one."
        if "imagereference" in target.lower().replace(".", ""):
            return _IMAGES
        return f"Change {target} in the plan." if target else ""
    known = REMEDIES.get(code, "")
    if "NAMESPACE" in known and (namespace := _quoted_namespace(message)):
        return known.replace("NAMESPACE", namespace)
    return known


def for_status(status: int | None) -> str:
    """The remedy for an error whose code tells none, by the answer's HTTP status; None: an operation failed."""
    if status == 429:
        return _BUSY
    if status is not None and status >= 500:
        return _AZURE_FAILED
    return "What Azure means by it: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/"


def _quoted_namespace(message: str) -> str:
    """`The subscription is not registered to use namespace 'Microsoft.Compute'.` -> `Microsoft.Compute`"""
    return next((part for part in message.split("'")[1::2] if part.lower().startswith("microsoft.")), "")
