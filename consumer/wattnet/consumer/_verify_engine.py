"""What `verify` can say of the messages that the Kafka engine stored: how many, and which of them are there twice.

Its rows in the ledger have no topic id and no claims. That they are complete cannot be proven: empty messages leave no
trace in them, and neither would a lost one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import Any

    from wattnet.consumer._engine_table import Handover

STORED = """
    SELECT `partition`, first_offset AS first, last_offset + 1 AS next, messages, stored_at
    FROM ledger WHERE topic = {topic:String} AND topic_id = ''
"""
# Claims of no messages: what the engine handed over. Grouped, for a row may come twice until tables merge.
HANDED_OVER = """
    SELECT topic_id, `partition`, claim_first, claim_next FROM ledger
    WHERE topic = {topic:String} AND topic_id != '' AND claim_messages = 0
    GROUP BY topic_id, `partition`, claim_first, claim_next
"""
BEFORE = f"""
    SELECT topic_id, `partition`, toInt64(sum(offsets)), toInt64(sum(messages)) FROM
        (SELECT topic_id, `partition`, claim_next - claim_first AS offsets, 0 AS messages FROM ({HANDED_OVER})
         UNION ALL
         SELECT handed.topic_id, handed.`partition`, 0, stored.messages
         FROM ({STORED}) AS stored INNER JOIN ({HANDED_OVER}) AS handed ON stored.`partition` = handed.`partition`
         WHERE stored.first >= handed.claim_first AND stored.next <= handed.claim_next)
    GROUP BY topic_id, `partition`
"""
NOW = f"""
    SELECT `partition`, max(next), toInt64(sum(messages)) FROM ({STORED})
    WHERE first >= transform(toInt64(`partition`), {{partitions:Array(Int64)}}, {{begins:Array(Int64)}}, toInt64(0))
    GROUP BY `partition`
"""
# Where a range begins before what came earlier has ended, one of them the engine's. Which topic id the engine read is
# only known by the time: nothing of today's topic was stored before the last message of the topic that it replaced.
OVERLAPS = f"""
    SELECT `partition`, min(first), max(least(next, other)), toInt64(sum(least(next, other) - first)) FROM
        (SELECT *, max(if(by_engine, next, 0)) OVER before AS engine_next,
                max(if(by_engine, 0, next)) OVER before AS claims_next,
                if(by_engine, greatest(engine_next, claims_next), engine_next) AS other
         FROM (SELECT DISTINCT `partition`, claim_first AS first, claim_next AS next, false AS by_engine FROM ledger
               WHERE topic = {{topic:String}} AND topic_id = {{topic_id:String}} AND claim_messages > 0
               UNION ALL
               SELECT `partition`, first, next, true FROM ({STORED}) WHERE stored_at >
                   (SELECT max(stored_at) FROM ledger
                    WHERE topic = {{topic:String}} AND topic_id NOT IN ('', {{topic_id:String}})))
         WINDOW before AS (PARTITION BY `partition` ORDER BY first, next, by_engine
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING))
    WHERE first < other GROUP BY `partition` ORDER BY `partition`
"""


class Tables(Protocol):
    """Where to ask."""

    def rows(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a query."""


@dataclass(frozen=True, slots=True)
class EngineShare:
    """Of one partition, what the engine stored: messages, and offsets that it passed without a trace.

    `next` is behind its newest message while it is on, None when it has handed the partition back.
    """

    messages: int = 0
    untraced: int = 0
    next: int | None = None


def engine_shares(
    tables: Tables, topic_id: str | None, handover: Handover | None
) -> dict[tuple[str, int], EngineShare]:
    """By topic id and partition. `handover` is what is in its hands now."""
    shares = {
        (of, partition): EngineShare(messages, max(offsets - messages, 0))
        for of, partition, offsets, messages in tables.rows(BEFORE)
    }
    if handover is None or handover.topic_id != topic_id:
        return shares
    begins = {partition: first for partition, (first, _) in handover.begins.items()}
    stored = {
        partition: (next_, messages)
        for partition, next_, messages in tables.rows(NOW, partitions=list(begins), begins=list(begins.values()))
    }
    for partition in begins.keys() | stored.keys():
        first = begins.get(partition, 0)
        next_, messages = stored.get(partition, (first, 0))
        before = shares.get((topic_id, partition), EngineShare())
        untraced = before.untraced + max(next_ - first - messages, 0)
        shares[(topic_id, partition)] = EngineShare(before.messages + messages, untraced, next_)
    return shares


def engine_doubles(tables: Tables, topic_id: str) -> list[tuple[int, int, int, int]]:
    """By partition: the offsets [first, next) in which the engine stored something twice or beside a consumer, and
    how many offsets of them that concerns."""
    return [
        (int(p), int(first), int(next_), int(count))
        for p, first, next_, count in tables.rows(OVERLAPS, topic_id=topic_id)
    ]
