"""Build licence-checked, de-duplicated image datasets from keywords and URL lists."""

__version__ = "0.1.0"
