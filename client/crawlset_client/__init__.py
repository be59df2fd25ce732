"""The Crawlset command line and Python client."""

from crawlset import __version__ as __version__
