"""The sample site's virtual hosts, for those who need nothing else of it."""

SAMPLE_HOSTS = (
    "photos",
    "museum",
    "herbarium",
    "archive",
    "press",
    "studio",
    "wild",
    "faults",
    "trouble",
    "throttling",
    "closed",
    "overloaded",
    "unreadable",
    "slow",
)
"""Names, each under `.localhost`."""
