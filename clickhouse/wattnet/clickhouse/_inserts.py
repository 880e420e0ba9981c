"""How metrics_ingest is filled, whoever fills it: an insert is one block in every table, and acknowledged is stored."""

from __future__ import annotations

from typing import Any

BLOCK_ROWS = 1_048_449
"""Where ClickHouse cuts blocks; a repeat that is cut otherwise would not be recognized, so an insert has no more."""

INSERT_SETTINGS: dict[str, Any] = {
    "async_insert": 0,  # the acknowledgement must mean stored
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "distributed_foreground_insert": 1,  # on a cluster, where the table is a front: likewise
    # Above every insert: what is read in one piece stays one block, and is the same block when it is repeated.
    "max_insert_block_size": BLOCK_ROWS,
    "min_insert_block_size_rows": BLOCK_ROWS,
    "min_insert_block_size_bytes": 0,
    # A revision that is twice in one insert is collapsed by merges and FINAL, as any other; looking for it in each
    # insert costs an eighth of the rate.
    "optimize_on_insert": 0,
}
"""With them goes `insert_deduplication_token`."""
