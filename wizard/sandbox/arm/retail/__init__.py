"""The Retail Prices API, which on Azure is no part of ARM: anonymous, with an address of its own."""

from __future__ import annotations

from wizard.sandbox.arm.kind import Provider
from wizard.sandbox.arm.retail.prices import RetailPrices

OPEN_PROVIDERS: tuple[type[Provider], ...] = (RetailPrices,)
