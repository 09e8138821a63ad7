"""Proves that a deployment works: `verify` checks it all, `load` measures it, `ssh` and `hostkeys` are the evidence."""

from wizard.verify.verification import verify

__all__ = ["verify"]
