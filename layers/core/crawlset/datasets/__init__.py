"""Deprecated: datasets, a view on a project and its crawl job."""
