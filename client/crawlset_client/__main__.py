"""`python -m crawlset_client` is `crawlset`."""

from crawlset_client.cli import main

main()
