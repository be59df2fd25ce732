"""Crawl jobs: search, plan, fetch in chunks, record, finish."""
