"""The ledger of the rights in a dataset: image by image, and as a whole."""
