"""Validation: which stored images are fit for a dataset, and by which rule the others are not."""
