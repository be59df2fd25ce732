"""The measurer `text`: is anything written in pictures, by PP-OCRv6; `KEEPS_TEXT` keeps it too."""

import os

from crawlset.measuring.handler import handler_of
from crawlset.measuring.text import Text


def load() -> Text:
    return Text(keeps_text=os.environ.get("KEEPS_TEXT") == "true")


handler = handler_of(load)
