"""Text that others chose (labels, client ids, a server's errors), made fit for terminals, logs and metric labels."""

from __future__ import annotations

MAX_LENGTH = 200


def printable(text: str | bytes, *, max_length: int | None = MAX_LENGTH) -> str:
    r"""The text in one line, without anything that steers a terminal; what is too long is cut off with an ellipsis.

    What does not print (control characters, line ends, marks that turn the direction of writing) is shown as Python
    escapes it, a backslash doubled, a byte that is no UTF-8 (in text: a surrogate, by `surrogateescape`) as `\xNN`.
    """
    if isinstance(text, bytes):
        beginning = text if max_length is None else text[: 4 * max_length + 4]
        text = beginning.decode(errors="surrogateescape")
    if max_length is None:
        return "".join(map(_shown, text))
    shown = "".join(map(_shown, text[: max_length + 1]))
    return shown if len(shown) <= max_length else f"{shown[: max(max_length - 1, 0)]}…"


def _shown(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    if character == "\\":
        return "\\\\"
    return character if character.isprintable() else character.encode("unicode_escape").decode()
