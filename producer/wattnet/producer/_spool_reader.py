"""Reads a spool's records in order, while more are appended behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wattnet.producer._spool_record import unpack

if TYPE_CHECKING:
    from wattnet.producer._spool_file import Segment

_CHUNK = 256 << 10


class SpoolReader:
    """A place in the files: `number` is the record that comes next."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._segment_first = -1
        self._fd: int | None = None
        self._offset = 0

    def seek(self, number: int) -> None:
        self.close()
        self.number = number

    def read(self, segment: Segment, stop: int) -> tuple[list[tuple[int, bytes, bytes]], range]:
        """Some of the next records with their numbers, of the segment where they are, which ends before `stop`.

        Then those that cannot be read, because the file is damaged, and are passed over.
        """
        size = segment.size
        fd = self._open(segment)
        data = os.pread(fd, min(_CHUNK, size - self._offset), self._offset)
        records = self._records(data)
        if not records:  # one that is larger than a chunk
            records = self._records(os.pread(fd, size - self._offset, self._offset))
        if records:
            return records, range(0)
        damaged = range(self.number, stop)
        self.seek(stop)
        return [], damaged

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
        self._fd, self._segment_first = None, -1

    def _records(self, data: bytes) -> list[tuple[int, bytes, bytes]]:
        records = []
        used = 0
        for key, value, used in unpack(data):  # noqa: B007  the last end is what counts
            records.append((self.number, key, value))
            self.number += 1
        self._offset += used
        return records

    def _open(self, segment: Segment) -> int:
        if self._fd is None or self._segment_first != segment.first:
            self.close()
            self._fd = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
            self._segment_first = segment.first
            before = self.number - segment.first
            self._offset = _offset(os.pread(self._fd, segment.size, 0), before) if before else 0
        return self._fd


def _offset(data: bytes, count: int) -> int:
    """Where `count` records end, or the last one before a damage."""
    end = 0
    for _, (_, _, end) in zip(range(count), unpack(data), strict=False):  # noqa: B007  the last end is what counts
        pass
    return end
