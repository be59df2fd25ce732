"""The laptop cloud: the same template on an embedded PostgreSQL and an AWS emulator."""
