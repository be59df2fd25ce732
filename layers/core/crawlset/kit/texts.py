"""What a text from outside may hold, for pydantic."""


def printable(text: str) -> str:
    if not text.isprintable():
        message = "holds characters that cannot be printed"
        raise ValueError(message)
    return text


def without_nul(text: str) -> str:
    """PostgreSQL keeps any text but this."""
    if "\0" in text:
        message = "holds a NUL"
        raise ValueError(message)
    return text
