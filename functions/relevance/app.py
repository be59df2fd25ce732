"""The measurer `relevance`: do pictures belong to their keywords, by EfficientNet-Lite0."""

from crawlset.measuring.handler import handler_of
from crawlset.measuring.relevance import Relevance

handler = handler_of(Relevance)
