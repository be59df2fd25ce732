"""The measurer `nsfw`: how likely are pictures not safe for work, by open_nsfw."""

from crawlset.measuring.handler import handler_of
from crawlset.measuring.nsfw import Nsfw

handler = handler_of(Nsfw)
