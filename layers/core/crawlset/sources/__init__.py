"""Where candidates come from: one adapter a source, and what each source permits."""
