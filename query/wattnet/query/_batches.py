"""Answers of any size, in batches of bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wattnet.query._errors import QuestionError
from wattnet.query._frames import EXTRA, needs, to_arrow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from wattnet.query._answer import Answer


def check(max_bytes: int) -> None:
    """Raises QuestionError for what is no size, MissingExtraError without pyarrow."""
    if max_bytes < 1:
        raise QuestionError(f"max_bytes={max_bytes!r} is no size: give a number of bytes of at least 1")
    with needs("pyarrow", EXTRA):
        import pyarrow as pa  # noqa: F401  what follows needs it


def batches(answers: Iterable[Answer], max_bytes: int) -> Iterator[pa.RecordBatch]:
    """Each of at most `max_bytes` of Arrow's memory, and of one row at least."""
    for answer in answers:
        table = to_arrow(answer)
        rows = max(1, int(len(table) * max_bytes / max(table.nbytes, 1)))
        for batch in table.to_batches(max_chunksize=rows):
            yield from _halved(batch, max_bytes)


def _halved(batch: pa.RecordBatch, max_bytes: int) -> Iterator[pa.RecordBatch]:
    """Rows differ in size: what is still too large is parted."""
    if batch.nbytes <= max_bytes or batch.num_rows <= 1:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _halved(batch.slice(0, half), max_bytes)
    yield from _halved(batch.slice(half), max_bytes)
