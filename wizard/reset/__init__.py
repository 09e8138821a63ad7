"""Resets VMs' credentials, with proof: see `wizard.reset.credentials`."""

from wizard.reset.credentials import reset
from wizard.reset.events import ResetDone

__all__ = ["ResetDone", "reset"]
