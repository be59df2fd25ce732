"""Rules that a validation judges by: each is one class, and one line in `registry`."""
