import threading


def handler(event, context):
    """Never answer."""
    threading.Event().wait()
