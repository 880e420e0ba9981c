"""The fields of a form (multipart/form-data): how clients send parameters that are too long for a URL."""

from __future__ import annotations

import re

# Clients write quotes inside a name as %22.
NAME = re.compile(rb';\s*name="([^"]*)"', re.IGNORECASE)
FILE = re.compile(rb";\s*filename\*?=", re.IGNORECASE)


def read_form(body: bytes, boundary: str | None) -> list[tuple[str, str]]:
    """Names and values in their order. ValueError for what is no form, and for files in it: external tables.

    Not through `email`: for a form of two fields that takes as long as a small query.
    """
    if not boundary:
        raise ValueError("the form has no boundary: multipart/form-data; boundary=…")
    pairs: list[tuple[str, str]] = []
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    for part in parts:
        if part.startswith(b"--"):  # the last boundary
            return pairs
        head, _, value = part.partition(b"\r\n\r\n")
        name = NAME.search(head)
        if name is None:
            raise ValueError("a part of the form has no name")
        if FILE.search(head):
            raise ValueError("external tables are not supported by the embedded ClickHouse: insert the data first")
        pairs.append((name.group(1).decode(), value.decode()))
    raise ValueError("the form has no end")
