"""Images: one row a candidate, settled once."""
