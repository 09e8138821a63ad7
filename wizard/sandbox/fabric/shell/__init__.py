"""A small POSIX-like command interpreter over a machine's own files. Nothing in it ever reaches the host's shell."""
