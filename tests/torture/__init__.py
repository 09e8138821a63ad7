"""The long form of the tests that earn trust: `make torture`. A seeded sample of each runs among the default tests."""
