"""The spool's folder: whose it is, what may be in it, and disks that take nothing."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from producer.spooled import NOWHERE, load
from road import until

from wattnet.producer import (
    ForkedProducerError,
    Producer,
    ProducerConfigError,
    SendError,
    Spool,
    SpoolError,
    SpoolInUseError,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def test_one_producer_at_a_time(folder: Path) -> None:
    with Producer(NOWHERE, spool=Spool(folder)) as producer:
        with pytest.raises(SpoolInUseError, match=rf"{folder} is in use by process {os.getpid()}: give each producer"):
            Producer(NOWHERE, spool=Spool(folder))
        producer.close(0)
        Producer(NOWHERE, spool=Spool(folder)).close(0)


def test_what_waits_is_for_one_topic_and_framing(folder: Path) -> None:
    with Producer(NOWHERE, topic="one", spool=Spool(folder)):
        pass
    with Producer(NOWHERE, topic="two", spool=Spool(folder)) as producer:  # nothing waits: it may change
        producer.send(load(0))
        producer.close(0)
    with pytest.raises(SpoolError, match=r"1 metrics in the spool at .* are for topic 'two'.* sends to topic 'one'"):
        Producer(NOWHERE, topic="one", spool=Spool(folder))
    with pytest.raises(SpoolError, match=r"\(schema fingerprint\).* sends to topic 'two' \(schema registry mock://r\)"):
        Producer(NOWHERE, topic="two", schema_registry_url="mock://r", spool=Spool(folder))
    header = folder / "spool.json"
    header.write_text(header.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(SpoolError, match=r"is in format 2, and this version reads format 1"):
        Producer(NOWHERE, topic="two", spool=Spool(folder))


def test_folders_that_cannot_be_a_spool(tmp_path: Path) -> None:
    (tmp_path / "my.csv").touch()
    with pytest.raises(SpoolError, match="is no spool and not empty"):
        Producer(NOWHERE, spool=Spool(tmp_path))
    with pytest.raises(SpoolError, match=r"cannot be the spool's folder: .*my\.csv"):
        Producer(NOWHERE, spool=Spool(tmp_path / "my.csv" / "spool"))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [({"max_bytes": 1_000}, "1048576"), ({"max_bytes": 1e9}, "max_bytes"), ({"on_full": "drop"}, "'drop_oldest'")],
)
def test_wrong_arguments_are_named(folder: Path, arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ProducerConfigError, match=named):
        Spool(folder, **arguments)
    with pytest.raises(ProducerConfigError, match="give a path"):
        Spool("")
    with pytest.raises(ProducerConfigError, match="give it to the Spool"):
        Producer(NOWHERE, on_full="raise", spool=Spool(folder))


def test_a_disk_that_takes_nothing_is_an_error_of_send(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    producer = Producer(NOWHERE, spool=Spool(folder))
    producer.send(load(0))

    def no_space(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", no_space)
    with pytest.raises(SendError, match=r"Z1\} was not taken: the spool at .* cannot be written: No space left"):
        producer.send(load(1))
    monkeypatch.undo()
    producer.send(load(2))
    assert producer.close(0).spooled == 2


def test_what_waits_is_synced_within_about_a_second(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fsync

    def watched(fd: int) -> None:
        synced.append(os.fstat(fd).st_size)
        real(fd)

    monkeypatch.setattr(os, "fsync", watched)
    producer = Producer(NOWHERE, spool=Spool(folder))
    producer.send_many(load(n) for n in range(10))
    size = next(folder.glob("*.segment")).stat().st_size
    until(lambda: size in synced, "its file was synced with all of it", timeout_s=5)
    producer.close(0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_leaves_the_spool_to_its_parent(folder: Path) -> None:
    producer = Producer(NOWHERE, spool=Spool(folder))
    producer.send(load(0))
    end, held = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            producer.send(load(1))
        except ForkedProducerError:
            producer.close()
            os.write(held, b"refused")
        os.read(os.open(folder / "go-on", os.O_RDONLY | os.O_CREAT), 1)
        time.sleep(30)
        os._exit(0)
    try:
        assert os.read(end, 10) == b"refused"
        with pytest.raises(SpoolInUseError):
            Producer(NOWHERE, spool=Spool(folder))
        assert producer.close(0).spooled == 1
        with Producer(NOWHERE, spool=Spool(folder)) as again:  # while the child lives
            assert again.close(0).spooled == 1
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(end)
        os.close(held)
