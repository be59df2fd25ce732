"""Build licence-checked, de-duplicated image datasets from keywords and URL lists."""
