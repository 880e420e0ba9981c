"""The spool's files alone: numbers, bounds, what a crash leaves, what a damaged disk costs."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wattnet.producer._spool_file import SpoolFile
from wattnet.producer._spool_reader import SpoolReader
from wattnet.producer._spool_record import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator

BOUND = 3_200  # segments of 200 bytes
LONGEST = len(pack(bytes(40), bytes(60)))
pairs = st.tuples(st.binary(max_size=40), st.binary(max_size=60))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def opened(folder: Path) -> SpoolFile:
    return SpoolFile(folder, max_bytes=BOUND)


def killed(file: SpoolFile) -> None:
    """As the end of a process ends it."""
    for fd in (file._segment_fd, file._position_fd):
        if fd is not None:
            os.close(fd)


def rest(file: SpoolFile) -> tuple[list[tuple[bytes, bytes]], list[int]]:
    """What is not acknowledged, and the numbers of what cannot be read."""
    reader = SpoolReader(file.acknowledged)
    found: list[tuple[bytes, bytes]] = []
    damaged: list[int] = []
    while reader.number < file.end:
        number = reader.number
        records, lost = reader.read(*file.segment(reader.number))
        assert [n for n, _, _ in records] == list(range(number, number + len(records)))
        found += [(key, value) for _, key, value in records]
        damaged += lost
    reader.close()
    return found, damaged


def rest_after_a_kill(folder: Path) -> list[int]:
    """What the next process finds, by the numbers in the values."""
    file = opened(folder)
    found = value_numbers(rest(file)[0])
    killed(file)
    return found


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.segment"))


@pytest.fixture
def filled(folder: Path) -> Iterator[SpoolFile]:
    """Thirty records of 25 bytes: four segments, eight in each but the last."""
    file = opened(folder)
    for n in range(30):
        assert file.append([pack(b"key", b"value %4d" % n)]) == 1
    yield file
    file.close()


def value_numbers(found: list[tuple[bytes, bytes]]) -> list[int]:
    return [int(value.split()[1]) for _, value in found]


@given(st.lists(pairs, max_size=20), st.data())
def test_a_torn_record_and_all_behind_it_is_no_record(written: list[tuple[bytes, bytes]], data: st.DataObject) -> None:
    """However it was torn: cut, followed by junk or zeros, or one bit of it turned."""
    packed = [pack(*pair) for pair in written]
    whole = b"".join(packed)
    ends = [sum(map(len, packed[:n])) for n in range(len(packed) + 1)]
    cut = data.draw(st.integers(0, len(whole)))
    torn = whole[:cut] + data.draw(st.one_of(st.binary(max_size=30), st.integers(1, 40).map(bytes)))
    if whole.startswith(torn):
        cut = len(torn)
    certain = sum(end <= cut for end in ends) - 1
    found = [(key, value) for key, value, _ in unpack(torn)]
    assert found[:certain] == written[:certain]
    # Junk may go on exactly as the record did.
    assert found == written[: len(found)]
    if whole:
        at = data.draw(st.integers(0, len(whole) * 8 - 1))
        turned = bytearray(whole)
        turned[at // 8] ^= 1 << at % 8
        hit = sum(end * 8 <= at for end in ends) - 1
        assert [(key, value) for key, value, _ in unpack(bytes(turned))] == written[:hit]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.lists(pairs, min_size=1, max_size=8)),
            st.tuples(st.just("acknowledge"), st.integers(0, 12)),
            st.tuples(st.sampled_from(["close", "kill", "torn"]), st.binary(max_size=30)),
            st.tuples(st.just("drop"), st.none()),
        ),
        max_size=60,
    )
)
def test_it_holds_what_a_list_holds(acts: list[tuple[str, object]]) -> None:
    """Appended, acknowledged, dropped, closed, killed between writes and in the midst of one; and the bound holds."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        file, kept = opened(folder), []
        for act, argument in acts:
            if act == "append":
                assert isinstance(argument, list)
                while argument:
                    try:
                        count = file.append([pack(*pair) for pair in argument])
                    except BufferError:
                        assert file.size + len(pack(*argument[0])) > BOUND
                        break
                    kept += argument[:count]
                    del argument[:count]
            elif act == "acknowledge":
                assert isinstance(argument, int)
                count = min(argument, len(kept))
                file.acknowledge(file.acknowledged + count)
                del kept[:count]
            elif act == "drop":
                dropped = file.drop_oldest()
                del kept[: len(dropped)]
            else:
                if act == "close":
                    file.close()
                elif act == "torn" and segments(folder):
                    assert isinstance(argument, bytes)
                    with segments(folder)[-1].open("ab") as last:
                        last.write((pack(b"cut", b"cut" * 10) + argument)[:-1][: len(argument) + 5])
                    killed(file)
                else:
                    killed(file)
                file = opened(folder)
            sizes = [path.stat().st_size for path in segments(folder)]
            assert sum(sizes) <= BOUND + 40
            assert max(sizes, default=0) < BOUND // 16 + LONGEST + 40, "what is released at once stays a small part"
            assert file.end - file.acknowledged == len(kept)
            if act not in ("append", "acknowledge"):
                assert rest(file) == (kept, [])
        assert rest(file) == (kept, [])
        file.close()


def test_segments_go_when_all_of_them_is_acknowledged(folder: Path) -> None:
    file, records = opened(folder), [pack(b"key", b"value")] * 30
    while len(records) > 10:
        del records[: file.append(records)]
    while records:
        file.append([records.pop()])
    before = segments(folder)
    assert [int(segment.stem) for segment in before] == [0, 10, 20], "however they come, until one has 200 bytes"
    second = int(before[1].stem)
    file.acknowledge(second - 1)
    assert segments(folder) == before, "one record of the first is still needed"
    file.acknowledge(second)
    assert segments(folder) == before[1:]
    file.acknowledge(30)
    file.close()
    assert segments(folder) == [], "and none stays when nothing is left"
    again = opened(folder)
    assert (again.acknowledged, again.end) == (30, 30)
    again.close()


def test_a_bad_position_repeats_from_the_oldest(filled: SpoolFile, folder: Path) -> None:
    filled.acknowledge(10)
    (folder / "acknowledged").write_bytes(b"\x0a" + b"\0" * 11)
    again = opened(folder)
    assert again.acknowledged == int(segments(folder)[0].stem) <= 10
    assert value_numbers(rest(again)[0]) == list(range(again.acknowledged, 30))
    again.close()


def test_a_position_ahead_of_the_records_is_believed(filled: SpoolFile, folder: Path) -> None:
    """A power loss may keep the position and not the records: they had arrived."""
    filled.acknowledge(30)
    with segments(folder)[-1].open("r+b") as last:
        last.truncate(0)
    again = opened(folder)
    assert (again.acknowledged, again.end) == (30, 30)
    assert again.append([pack(b"key", b"value 30")]) == 1
    assert value_numbers(rest(again)[0]) == [30]
    again.close()


def test_damage_costs_the_rest_of_its_segment_and_says_which(filled: SpoolFile, folder: Path) -> None:
    second = segments(folder)[1]
    data = bytearray(second.read_bytes())
    data[len(data) // 2] ^= 1
    second.write_bytes(data)
    found, damaged = rest(filled)
    assert damaged
    assert damaged[-1] + 1 == int(segments(folder)[2].stem)
    assert sorted(value_numbers(found) + damaged) == list(range(30))


def test_a_write_that_fails_in_the_midst_leaves_nothing(
    filled: SpoolFile, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pwrite

    def no_space(fd: int, data: bytes, offset: int) -> int:
        if len(data) < 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data[:-5], offset)

    monkeypatch.setattr(os, "pwrite", no_space)
    with pytest.raises(OSError, match="No space"):
        filled.append([pack(b"key", b"half")])
    assert rest_after_a_kill(folder) == list(range(30)), "no half record"
    three = [pack(b"key", b"value %d" % n) for n in (30, 31, 32)]
    assert filled.append(three) == 2, "the whole ones count, for they are there"
    monkeypatch.undo()
    assert filled.append(three[2:]) == 1
    assert rest_after_a_kill(folder) == list(range(33))


def test_the_bound_is_for_all_segments_together(filled: SpoolFile, folder: Path) -> None:
    while filled.size + 25 <= BOUND:
        filled.append([pack(b"key", b"value   31")])
    with pytest.raises(BufferError):
        filled.append([pack(b"key", b"value   31")])
    assert BOUND - 50 < sum(path.stat().st_size for path in segments(folder)) == filled.size <= BOUND
    dropped = filled.drop_oldest()
    assert dropped.start == 0
    assert filled.append([pack(b"key", b"value   32")]) == 1
    assert rest(filled)[0][0][1] == b"value %4d" % dropped.stop
