"""Answers in columns: for programs that make of them a form that the query client has not.

It imports numpy, so it is no part of what `wattnet.query` imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wattnet.query._answer import Answer, Text

if TYPE_CHECKING:
    from wattnet.query._query import Query

__all__ = ["Answer", "Text", "read_columns"]


def read_columns(query: Query) -> Answer:
    """All of an answer as the columns that every `to_…` is made of, in the order of its rows.

    A series is named once, and a row says its place among them; times are microseconds since 1970, text is codes into
    a few strings. The arrays are the caller's own. `attributes` is None unless the query is one `with_attributes`.
    Raises what `to_…` raises.
    """
    return query._answer()
