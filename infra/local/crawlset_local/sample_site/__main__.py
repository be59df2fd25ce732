from crawlset_local.sample_site.server import main

main()
