"""What the front must know of a statement: does data follow it, does it answer with rows, in which format."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Each of these can match in one way only, or a statement with many of them would be tried in all ways. And none has an
# alternative for each character: a string of megabytes would take hundreds of bytes of memory for each.
COMMENT = rb"(?: (?: -- | \#[!\ ] ) [^\n]* (?: \n | \Z ) | /\* [^*]* (?: \*(?!/) [^*]* )* \*/ )"
QUOTED = rb"(?: %b )" % b" | ".join(
    rb"Q[^Q\\]* (?: (?:\\.|QQ) [^Q\\]* )* Q".replace(b"Q", quote) for quote in (b"'", b'"', b"`")
)


def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.VERBOSE | re.DOTALL | re.IGNORECASE)


TOKEN = _compiled(rb"(?P<space> \s+ | %b ) | %b | (?P<word> [A-Z_][A-Z_0-9]* ) | ." % (COMMENT, QUOTED))
# Of a statement that is no insert, only these matter. A list of strings is one, or thousands of them would take long.
MARK = _compiled(
    rb"""
    %b | %b (?: ,\s* %b ){0,1000}
  | (?P<open> [(\[{] ) | (?P<close> [)\]}] )
  | (?P<format> \bFORMAT\b ) | (?P<insert> \bINSERT\s+INTO\b )
    """
    % (COMMENT, QUOTED, QUOTED)
)
# Behind FORMAT: it is a clause when a name follows and then the end or the settings. Otherwise `format` was a name.
CLAUSE = _compiled(rb"(?: \s | %b )* ([A-Z_][A-Z_0-9]*) (?: \s | ; | %b )* (?: \Z | SETTINGS\b )" % (COMMENT, COMMENT))
# ClickHouse's own rule for where inline data begins: blanks, then at most one line end. Native data may itself begin
# with a line feed.
DATA_START = re.compile(rb";?[ \t\f]*\r?\n?")

# The statements that chDB gives out block by block, by their first word.
SELECTING = {b"SELECT", b"WITH", b"(", b"FROM"}
# All that answer with rows; others answer with nothing.
ANSWERING = SELECTING | {b"SHOW", b"DESCRIBE", b"DESC", b"EXISTS", b"EXPLAIN", b"CHECK"}


@dataclass(frozen=True, slots=True)
class Insert:
    """`INSERT … FORMAT x` cut from its data: `before` + ` FROM INFILE '…' ` + `after` inserts the same from a file."""

    before: bytes
    after: bytes
    data_start: int


@dataclass(frozen=True, slots=True)
class Query:
    """Any other text: its first word in capitals (INSERT, too, where WITH stands before it), and its FORMAT.

    `alone`: it is certainly one statement, not several.
    """

    keyword: bytes
    format: str | None
    alone: bool

    @property
    def answers(self) -> bool:
        """Whether rows come back."""
        return self.keyword in ANSWERING

    @property
    def selects(self) -> bool:
        """Whether chDB can give the rows out block by block."""
        return self.keyword in SELECTING

    @property
    def leaves_nothing(self) -> bool:
        """Whether the connection is then as it was before: SETTINGS and parameters end with their statement."""
        return self.answers and self.alone

    @property
    def defines(self) -> bool:
        """Whether it may change more than rows: CREATE, DROP, SET …"""
        return not self.answers and self.keyword != b"INSERT"


def find_insert(text: bytes | bytearray) -> Insert | None:
    """The insert whose data begins in or behind `text`; None when it is another statement or not complete yet."""
    tokens = _tokens(text)
    first = next(tokens, None)
    if first is None or first.group().upper() != b"INSERT":
        return None
    table_seen = False
    depth = 0
    infile_at: int | None = None
    for token in tokens:
        word = token.group().upper()
        depth += (word in (b"(", b"[", b"{")) - (word in (b")", b"]", b"}"))
        if not table_seen:
            # The name itself may be any word, also `format`.
            table_seen = word not in (b"INTO", b"TABLE", b"FUNCTION")
            after_dot = False
        elif depth > 0 or after_dot or word == b".":
            after_dot = word == b"."
        elif word in (b"SELECT", b"WITH", b"VALUES", b"FROM"):
            return None
        elif word == b"SETTINGS":
            infile_at = token.start()
        elif word == b"FORMAT":
            name = next(tokens, None)
            # At the very end of the text the name may go on, or data begin.
            if name is None or name.lastgroup != "word" or name.end() == len(text) or name.group().upper() == b"VALUES":
                return None
            start = DATA_START.match(text, name.end())
            cut = infile_at if infile_at is not None else token.start()
            return Insert(bytes(text[:cut]), bytes(text[cut : name.end()]), start.end() if start else name.end())
    return None


def parse_query(text: bytes) -> Query:
    """What kind of statement it is, and its FORMAT clause."""
    first = next(_tokens(text), None)
    keyword = first.group().upper() if first else b""
    format_: str | None = None
    depth = 0
    for mark in MARK.finditer(text):
        if mark.lastgroup == "open":
            depth += 1
        elif mark.lastgroup == "close":
            depth -= 1
        elif mark.lastgroup == "format" and depth == 0:
            if clause := CLAUSE.match(text, mark.end()):
                format_ = clause.group(1).decode()
        elif mark.lastgroup == "insert" and depth == 0 and keyword == b"WITH":
            keyword = b"INSERT"
    # Wherever a semicolon stands: it does not depend on what this module and ClickHouse take for a quote or a comment.
    alone = b";" not in text.rstrip(b"; \t\r\n")
    return Query(keyword, format_, alone)


def _tokens(text: bytes | bytearray) -> Iterator[re.Match[bytes]]:
    return (token for token in TOKEN.finditer(text) if token.lastgroup != "space")
