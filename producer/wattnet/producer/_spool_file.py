"""The records of a spool, numbered from 0 on without end, in segment files that are deleted as wholes.

    <number of its first record, 20 digits>.segment
    acknowledged    the number before which every record is acknowledged, and its checksum

A record is written where the last whole one ends, so what a failed write or a crash left there is written over or cut.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING
from zlib import crc32

from wattnet.producer._logging import logger
from wattnet.producer._spool_record import unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_SUFFIX = ".segment"
_LARGEST_SEGMENT = 16 << 20
# A spool has room for this many segments: what is released or dropped at once is a part of that size.
_PARTS = 16
_number = struct.Struct("<Q")
_checksum = struct.Struct("<I")


@dataclass(slots=True)
class Segment:
    """One file: the number of its first record, and how many bytes of it are whole records."""

    first: int
    path: Path
    size: int


class SpoolFile:
    """Appended at the end, released from the beginning. It has no lock: its owner does not call it from two threads.

    acknowledged  every record before this number is done
    end           the number of the next record
    size          what the segments take together, in bytes
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._segment_bytes = min(max_bytes // _PARTS, _LARGEST_SEGMENT)
        self._segments = [
            Segment(int(path.stem), path, path.stat().st_size) for path in sorted(folder.glob(f"*{_SUFFIX}"))
        ]
        self._position_fd = os.open(folder / "acknowledged", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._segment_fd: int | None = None
        self.acknowledged = self.end = self._read_position()
        if self._segments:
            last = self._segments[-1]
            self._segment_fd = os.open(last.path, os.O_RDWR | os.O_CLOEXEC)
            self.end = last.first + _cut_tail(last, self._segment_fd)
            self.acknowledged = max(self.acknowledged, self._segments[0].first)
        if self.end < self.acknowledged:  # a power loss kept the position and not the records, which were done
            self.end = self.acknowledged
            self._begin_segment()
        self.size = sum(segment.size for segment in self._segments)
        self._synced = self.end
        self._release()

    def append(self, records: Sequence[bytes]) -> int:
        """Hand records as `pack` makes them to the operating system, from the first on; returns how many, at least one.

        It stops where a segment ends, where there is no more room, and where the disk takes no more. Raises BufferError
        when there is no room for the first, OSError when the disk does not take it: then nothing happened.
        """
        ends = list(accumulate(map(len, records)))
        if self.size + ends[0] > self._max_bytes:
            raise BufferError("Local: Queue full")
        fd = self._segment_fd
        if fd is None or self._segments[-1].size >= self._segment_bytes:
            fd = self._begin_segment()
        segment = self._segments[-1]
        # The record that reaches a segment's size is its last one.
        last = bisect_left(ends, self._segment_bytes - segment.size) + 1
        count = min(last, bisect_right(ends, self._max_bytes - self.size))
        written = _written(fd, b"".join(records[:count]), segment.size, at_least=ends[0])
        count = bisect_right(ends, written)  # a part of a record is none: the next one is written over it
        segment.size += ends[count - 1]
        self.size += ends[count - 1]
        self.end += count
        return count

    def acknowledge(self, number: int) -> None:
        """Every record before `number` is done, for whoever opens the folder next, too."""
        position = _number.pack(number)
        os.pwrite(self._position_fd, position + _checksum.pack(crc32(position)), 0)
        self.acknowledged = number
        self._release()

    def drop_oldest(self) -> range:
        """Give up what was not acknowledged of the oldest segment: those numbers. None where there is no other one."""
        if len(self._segments) < 2:
            return range(0)
        dropped = range(self.acknowledged, self._segments[1].first)
        self.acknowledge(dropped.stop)
        return dropped

    def segment(self, number: int) -> tuple[Segment, int]:
        """Where record `number` is, which is there, and the number behind the last one of that segment."""
        for segment, following in zip(reversed(self._segments), [None, *reversed(self._segments)], strict=False):
            if segment.first <= number:
                return segment, self.end if following is None else following.first
        raise IndexError(f"record {number} was released")

    def unsynced(self) -> tuple[Callable[[], None], int]:
        """What brings all records up to now onto the disk (it takes its time and needs no lock), for `synced`."""
        segments = [segment for segment in self._segments if self.segment(segment.first)[1] > self._synced]
        return lambda: _sync(self._folder, [segment.path for segment in segments]), self.end

    def synced(self, end: int) -> None:
        self._synced = end

    @property
    def is_synced(self) -> bool:
        """Everything that is not acknowledged is on the disk."""
        return self.end <= max(self._synced, self.acknowledged)

    def close(self) -> None:
        """Sync what is left. Where nothing is, no segment stays."""
        if self._segment_fd is not None:
            os.close(self._segment_fd)
        if self.acknowledged == self.end:
            while self._segments:
                self._delete_oldest()
        elif not self.is_synced:
            self.unsynced()[0]()
        os.close(self._position_fd)

    def _read_position(self) -> int:
        """0 where there is none that can be trusted: then everything that is there is sent again."""
        stored = os.pread(self._position_fd, _number.size + _checksum.size, 0)
        position, checksum = stored[: _number.size], stored[_number.size :]
        if len(checksum) < _checksum.size or _checksum.unpack(checksum)[0] != crc32(position):
            return 0
        return int(_number.unpack(position)[0])

    def _begin_segment(self) -> int:
        path = self._folder / f"{self.end:020d}{_SUFFIX}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if self._segment_fd is not None:
            os.close(self._segment_fd)
        self._segment_fd = fd
        self._segments.append(Segment(self.end, path, 0))
        return fd

    def _release(self) -> None:
        while len(self._segments) > 1 and self._segments[1].first <= self.acknowledged:
            self._delete_oldest()

    def _delete_oldest(self) -> None:
        oldest = self._segments.pop(0)
        self.size -= oldest.size
        oldest.path.unlink(missing_ok=True)


def _written(fd: int, data: bytes, offset: int, *, at_least: int) -> int:
    """How many bytes of `data` the disk took. Raises OSError when these are fewer than `at_least`."""
    written = 0
    try:
        while written < len(data):
            written += os.pwrite(fd, data[written:], offset + written)
    except OSError:
        if written < at_least:
            raise
    return written


def _cut_tail(segment: Segment, fd: int) -> int:
    """Cut what is no whole record at the end of the last segment; returns how many records there are."""
    count = end = 0
    for _, _, end in unpack(segment.path.read_bytes()):  # noqa: B007  the last end is what counts
        count += 1
    if end < segment.size:
        logger.warning(
            "%s: the last %d bytes are no whole record and are cut; the machine or the process stopped in the midst",
            segment.path,
            segment.size - end,
        )
        os.ftruncate(fd, end)
        segment.size = end
    return count


def _sync(folder: Path, paths: list[Path]) -> None:
    for path in [*paths, folder]:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # acknowledged and deleted meanwhile
            continue
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
