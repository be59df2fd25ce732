"""The measurer `towers`: pictures and texts, by a pair of networks of the deployment's own."""

from crawlset.measuring.handler import handler_of
from crawlset.measuring.towers import load_towers

handler = handler_of(load_towers)
