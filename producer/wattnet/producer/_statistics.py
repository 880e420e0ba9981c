"""What became of the metrics, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProducerStatistics:
    """Numbers of metrics since the producer was made.

    taken              went into the queue, or were found in the spool at the start
    queued             are on their way, or wait in the spool
    acknowledged       are in the topic
    failed             did not reach it, or were given up at close
    dropped            were not taken, because the queue was full (on_full="drop"), or given up by a full spool
    last_broker_error  what a broker or a connection complained of last, at any time; None when nothing
    """

    taken: int
    queued: int
    acknowledged: int
    failed: int
    dropped: int
    last_broker_error: str | None
