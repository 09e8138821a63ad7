"""A local Azure Resource Manager, and the machines, balancers and firewalls it speaks of, on loopback.

It shares no code with the product that it stands in for: what both must agree on is Azure's, and each has read that
for itself. The few names shared are folders (`wizard.home`), errors (`wizard.errors`) and ids (`wizard.ids`).
"""
