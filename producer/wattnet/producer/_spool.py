"""Spool: where metrics wait on disk while no broker takes them, and how many."""

from __future__ import annotations

import os
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Literal

from wattnet.producer._errors import ProducerConfigError

_LEAST_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Spool:
    """A folder in which a Producer keeps every metric until Kafka has acknowledged it.

        with Producer("localhost:9092", spool=Spool("/var/spool/wattnet")) as producer:
            producer.send(metric)

    folder     of this spool alone, on a local disk; made if it is not there. One producer at a time: a second one gets
               a SpoolInUseError
    max_bytes  what its files take at most (some 200 bytes a metric); at least 1 MiB
    on_full    what `send` does when they do: 'block' waits until Kafka has taken enough, 'raise' raises QueueFullError,
               'drop_oldest' takes the metric and drops the oldest ones, about a sixteenth of the spool at once, counted
               as dropped

    When `send` returns, the metric survives the end of the process, however it ends. A crash of the machine may cost
    what is younger than about a second: that often the files are synced.
    With a schema registry that is away, the schema has the id that the last producer on the spool got.
    What was on its way at a kill is sent again with the same knowledge_time: it may be in the topic twice, and is one
    revision in the tables.

    Raises ProducerConfigError.
    """

    folder: str | os.PathLike[str]
    _: KW_ONLY
    max_bytes: int = 1 << 30
    on_full: Literal["block", "raise", "drop_oldest"] = "block"

    def __post_init__(self) -> None:
        folder: object = self.folder
        if not isinstance(folder, (str, os.PathLike)) or not str(folder):
            raise ProducerConfigError(f"a spool's folder is {self.folder!r}: give a path, such as '/var/spool/wattnet'")
        if type(self.max_bytes) is not int or self.max_bytes < _LEAST_MAX_BYTES:
            raise ProducerConfigError(
                f"a spool's max_bytes is {self.max_bytes!r}: give an int of at least {_LEAST_MAX_BYTES}"
            )
        if self.on_full not in ("block", "raise", "drop_oldest"):
            raise ProducerConfigError(f"a spool's on_full is {self.on_full!r}: give 'block', 'raise' or 'drop_oldest'")

    @property
    def path(self) -> Path:
        """The folder, absolute."""
        return Path(self.folder).absolute()
