"""
Everything the service can do, in one client.

    with Client("http://127.0.0.1:8480", key) as crawlset:
        project = crawlset.create_project("cats")
"""

from crawlset_client.accounts import Accounts
from crawlset_client.pictures import Pictures
from crawlset_client.rights import Rights
from crawlset_client.schedules import Schedules
from crawlset_client.webhooks import Webhooks


class Client(Pictures, Rights, Schedules, Webhooks, Accounts):
    """A method a route; see `Crawlset` for how they fail and repeat."""
