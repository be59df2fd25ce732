"""`python -m crawlset_client` is `crawlset`."""

from crawlset_client.command import main

main()
