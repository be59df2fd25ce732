"""Projects: where crawl jobs belong."""
