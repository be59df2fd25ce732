"""Who may call: profiles and their API keys."""
