"""What `crawlset doctor` looks at: this machine, the service, and the laptop's cloud."""
