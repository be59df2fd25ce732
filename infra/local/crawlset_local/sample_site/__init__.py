"""
A small web site to crawl: a search API, real photographs, and every fault a crawler meets.

`serve(port)` runs it in this process, `python -m crawlset_local.sample_site` as one of its own.
"""

from crawlset_local.sample_site.server import DEFAULT_PORT, SampleSite, serve

__all__ = ["DEFAULT_PORT", "SampleSite", "serve"]
