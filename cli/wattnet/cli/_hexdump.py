"""Bytes around a place, as people read them."""

from __future__ import annotations

ROW_BYTES = 16
ROWS_AROUND = 3


def hexdump(content: bytes, first: int, after: int) -> list[str]:
    """The rows around [first, after), whose bytes stand in brackets; only its beginning where that is long."""
    begin = max(first // ROW_BYTES - ROWS_AROUND, 0) * ROW_BYTES
    end = min((min(after, first + 4 * ROW_BYTES) // ROW_BYTES + ROWS_AROUND + 1) * ROW_BYTES, len(content))
    rows = ["…"] if begin else []
    for at in range(begin, max(end, begin + 1), ROW_BYTES):
        row = content[at : min(at + ROW_BYTES, end)]
        cells = ""
        for place, byte in enumerate(row, at):
            marked = first <= place < after
            opens = "[" if marked and (place in {first, at}) else "" if cells.endswith("]") else " "
            cells += f"{opens}{byte:02x}" + ("]" if marked and place in {after - 1, at + len(row) - 1} else "")
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        here = "  <- it ends here" if first == len(content) and at + len(row) == first else ""
        rows.append(f"{at:08x} {cells:<{ROW_BYTES * 3 + 1}}  {text}{here}")
    return [*rows, "…"] if end < len(content) else rows
