"""Messages that ask to carry on a takedown, or to rewrite a pack."""

from crawlset.models import PackRewrite, Takedown, Target
from crawlset.outbox import Message
from crawlset.wire.takedowns import TakedownMessage


def message_of(asked: Takedown | PackRewrite) -> Message:
    if isinstance(asked, Takedown):
        body = TakedownMessage(asked.user_id, takedown_id=asked.id)
    else:
        body = TakedownMessage(asked.user_id, rewrite_id=asked.id)
    return Message(target=Target.takedowns, body=body.to_json())
