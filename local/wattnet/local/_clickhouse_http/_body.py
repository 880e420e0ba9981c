"""The bytes of a request: by length or chunked, plain or compressed, as one stream of pieces."""

from __future__ import annotations

import os
import sys
import tempfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from email.message import Message
    from io import BufferedIOBase

PIECE_BYTES = 1 << 18


class Decompressor(Protocol):
    """What lz4, zstd and zlib have in common: one frame each."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class UnsupportedEncodingError(Exception):
    """A Content-Encoding that this front does not know."""


def read_pieces(stream: BufferedIOBase, headers: Message) -> Iterator[bytes]:
    """The body, decompressed, piece by piece."""
    chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
    raw = _chunked(stream) if chunked else _sized(stream, int(headers.get("Content-Length") or 0))
    encoding = headers.get("Content-Encoding", "identity").lower()
    if encoding == "identity":
        return raw
    return _decompressed(raw, _decompressor(encoding))


def _sized(stream: BufferedIOBase, left: int) -> Iterator[bytes]:
    while left:
        piece = stream.read(min(left, PIECE_BYTES))
        if not piece:
            raise ConnectionError("the client closed the connection in the middle of the body")
        left -= len(piece)
        yield piece


def _chunked(stream: BufferedIOBase) -> Iterator[bytes]:
    while size := int(stream.readline().split(b";")[0], 16):
        yield from _sized(stream, size)
        stream.readline()
    while stream.readline().strip():
        pass  # trailers


def _decompressed(pieces: Iterable[bytes], new: Callable[[], Decompressor]) -> Iterator[bytes]:
    # clickhouse-connect compresses every block into a frame of its own: one decompressor ends with the first of them.
    frame = new()
    fresh = True
    for piece in pieces:
        rest = piece
        while rest:
            if frame.eof:
                frame, fresh = new(), True
            data = frame.decompress(rest)
            fresh = False
            if data:
                yield data
            rest = (frame.unused_data or b"") if frame.eof else b""
    if not fresh and not frame.eof:
        raise ValueError("the compressed body ends in the middle of a frame")


def _decompressor(encoding: str) -> Callable[[], Decompressor]:
    if encoding == "lz4":
        import lz4.frame  # type: ignore[import-untyped]  # it ships no types

        new: Callable[[], Decompressor] = lz4.frame.LZ4FrameDecompressor
        return new
    if encoding == "zstd":
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
        return zstd.ZstdDecompressor
    if encoding in ("gzip", "deflate"):
        return lambda: zlib.decompressobj(zlib.MAX_WBITS | (16 if encoding == "gzip" else 0))
    raise UnsupportedEncodingError(f"Content-Encoding {encoding!r} is not supported: use lz4, zstd, gzip or deflate")


@contextmanager
def spooled(pieces: Iterable[bytes]) -> Iterator[str]:
    """The path of a file with the pieces in it, in memory where the system can; it is gone afterwards."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("insert")
        path = f"/proc/self/fd/{descriptor}"
    else:
        descriptor, path = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "wb", buffering=0, closefd=False) as file:
            for piece in pieces:
                view = memoryview(piece)
                while view:
                    view = view[file.write(view) :]
        yield path
    finally:
        os.close(descriptor)
        if sys.platform != "linux":
            os.unlink(path)  # noqa: PTH108 - a string is what it is everywhere else here
