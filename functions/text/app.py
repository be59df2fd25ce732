"""The measurer `text`: is anything written in pictures, by PP-OCRv6."""

from crawlset.measuring.handler import handler_of
from crawlset.measuring.text import Text
from crawlset.settings import text_settings


def load() -> Text:
    return Text(keeps_text=text_settings().keeps_text)


handler = handler_of(load)
