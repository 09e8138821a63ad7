"""Loads the SDKs ahead of the first question: they take a second, in which a person still reads the first screen."""

from __future__ import annotations


def preload() -> None:
    """Import what a connection uses. Blocking: run it in a thread."""
    import aiohttp  # noqa: F401
    import azure.core.pipeline.transport
    import azure.identity.aio
    import azure.mgmt.compute.aio
    import azure.mgmt.network.aio
    import azure.mgmt.resource.resources.aio
    import azure.mgmt.resource.subscriptions.aio  # noqa: F401
