"""Text from elsewhere, made safe to print."""


def printable(text: object) -> str:
    """One line that cannot move the cursor, colour the terminal or hide anything."""
    return "".join(c if c.isprintable() else " " for c in str(text))
