"""Azure Monitor's part of the sandbox."""
