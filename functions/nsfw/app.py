"""The measurer `nsfw`: how likely are pictures not safe for work, by open_nsfw."""

from crawlset.measuring.nsfw import Nsfw
from crawlset.measuring.handler import handler_of

handler = handler_of(Nsfw)
