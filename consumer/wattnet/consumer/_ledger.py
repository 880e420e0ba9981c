"""What ClickHouse says has arrived: the second witness beside Kafka's commits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import urllib3
from clickhouse_connect.driver.exceptions import ClickHouseError, Error

from wattnet.consumer._errors import ServiceUnavailableError
from wattnet.consumer._recovery import Recorded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from clickhouse_connect.driver.client import Client

ACCESS_DENIED = 497


@dataclass(frozen=True, slots=True)
class LedgerTail:
    """The newest claims of one partition. `start` is where its first claim began, None when there is none."""

    start: int | None
    claims: tuple[Recorded, ...]


class Ledger(Protocol):
    """Where to ask what was stored."""

    def tail(self, topic_id: str, partition: int, since: int | None) -> LedgerTail:
        """The claims that end at or after `since` (None: only the newest one), and always the newest."""

    def refusals(self, topic_id: str, partition: int, first: int, next_: int) -> Mapping[str, int]:
        """How many messages of the stored claim [first, next_) were refused, by reason."""


EXTENT = """
    SELECT count(), min(claim_first), max(claim_next), max(claim_first) FROM ledger
    WHERE topic = {topic:String} AND topic_id = {topic_id:String} AND `partition` = {partition:UInt16}
"""
# A part that came twice (its token had left ClickHouse's window) counts once until the table merges it away.
CLAIMS = """
    SELECT claim_first, claim_next, claim_messages, sum(messages)
    FROM (SELECT DISTINCT claim_first, claim_next, claim_messages, first_offset, last_offset, messages FROM ledger
          WHERE topic = {topic:String} AND topic_id = {topic_id:String} AND `partition` = {partition:UInt16}
            AND (claim_next >= {since:Int64} OR claim_first = {newest:Int64}))
    GROUP BY claim_first, claim_next, claim_messages ORDER BY claim_first
"""
REFUSED = """
    SELECT sum(refused) FROM ledger
    WHERE topic = {topic:String} AND topic_id = {topic_id:String} AND `partition` = {partition:UInt16}
      AND claim_first = {first:Int64}
"""
REASONS = """
    SELECT reason, uniqExact(`offset`) FROM dead_letters
    WHERE topic = {topic:String} AND topic_id = {topic_id:String} AND `partition` = {partition:UInt16}
      AND `offset` >= {first:Int64} AND `offset` < {next:Int64}
    GROUP BY reason
"""
NEWEST_BEFORE = """
    SELECT claim_first, claim_next FROM ledger
    WHERE topic = {topic:String} AND topic_id = {topic_id:String} AND `partition` = {partition:UInt16}
      AND claim_first < {first:Int64}
    ORDER BY claim_first DESC, claim_next DESC LIMIT 1
"""
PARTS = """
    SELECT count(), uniqExact(first_offset, last_offset, messages) FROM ledger
    WHERE topic = {topic:String} AND topic_id = {topic_id:String} AND `partition` = {partition:UInt16}
      AND claim_first = {first:Int64}
"""
UNNAMED = "refused by the tables' rules"


class ClickHouseLedger:
    """Reads the ledger table."""

    def __init__(self, client: Client, topic: str) -> None:
        self._client = client
        self._topic = topic

    def tail(self, topic_id: str, partition: int, since: int | None) -> LedgerTail:
        """See Ledger. Raises ServiceUnavailableError while ClickHouse does not answer."""
        try:
            return self._tail(topic_id, partition, since)
        except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as exc:
            raise ServiceUnavailableError(f"ClickHouse does not show the ledger: {exc}").caused_by(exc) from None

    def newest_before(self, topic_id: str, partition: int, first: int) -> tuple[int, int] | None:
        """See Past."""
        rows = self._rows(NEWEST_BEFORE, topic_id=topic_id, partition=partition, first=first)
        return (rows[0][0], rows[0][1]) if rows else None

    def parts(self, topic_id: str, partition: int, first: int) -> tuple[int, int]:
        """See Past."""
        ((count, different),) = self._rows(PARTS, topic_id=topic_id, partition=partition, first=first)
        return count, different

    def _rows(self, sql: str, **parameters: object) -> Sequence[Sequence[Any]]:
        try:
            return self._client.query(sql, parameters={"topic": self._topic, **parameters}).result_rows
        except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as exc:
            raise ServiceUnavailableError(f"ClickHouse does not show the ledger: {exc}").caused_by(exc) from None

    def refusals(self, topic_id: str, partition: int, first: int, next_: int) -> Mapping[str, int]:
        """See Ledger. Raises ServiceUnavailableError while ClickHouse does not answer.

        A user who may not read dead_letters learns the number, under one reason for all.
        """
        where = {"topic": self._topic, "topic_id": topic_id, "partition": partition, "first": first, "next": next_}
        try:
            refused = self._client.query(REFUSED, parameters=where).result_rows[0][0]
            if not refused:
                return {}
            try:
                rows = self._client.query(REASONS, parameters=where).result_rows
                return {row[0]: row[1] for row in rows}
            except Error as exc:
                if exc.code != ACCESS_DENIED:
                    raise
                return {UNNAMED: refused}
        except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as exc:
            raise ServiceUnavailableError(f"ClickHouse does not show the ledger: {exc}").caused_by(exc) from None

    def _tail(self, topic_id: str, partition: int, since: int | None) -> LedgerTail:
        where = {"topic": self._topic, "topic_id": topic_id, "partition": partition}
        count, start, end, newest = self._client.query(EXTENT, parameters=where).result_rows[0]
        if not count:
            return LedgerTail(None, ())
        rows = self._client.query(
            CLAIMS, parameters={**where, "since": end if since is None else since, "newest": newest}
        ).result_rows
        return LedgerTail(start, tuple(Recorded(*row) for row in rows))
