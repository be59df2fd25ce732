"""Technical code without a word of the domain."""
