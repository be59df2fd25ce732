"""Images of a crawl job found by a text, or by their likeness to another image."""
