"""The proof: what Kafka has given out, held against what ClickHouse stored and what it keeps as dead letters.

The commit is read first, the tables next, Kafka's end last. All before the commit was stored before it was committed,
so it can be judged while consumers run; what lies behind it may be under way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wattnet.consumer._engine_table import EngineTable
from wattnet.consumer._feeders import Feeders
from wattnet.consumer._kafka_questions import KafkaQuestions
from wattnet.consumer._source import KafkaSource
from wattnet.consumer._tables import asking_clickhouse, open_tables
from wattnet.consumer._verdict import PartitionProof, Problem, Verdict
from wattnet.consumer._verify_engine import EngineShare, engine_doubles, engine_shares

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from wattnet.consumer._recovery import Committed
    from wattnet.consumer._settings import Settings

# What the Kafka engine stored has no claims and an empty topic id: see _verify_engine. What it handed over is a claim
# of no messages, so that claims tile.
CLAIMS = """
    SELECT topic_id, `partition`, claim_first, claim_next, claim_messages, sum(messages) AS stored,
           sum(refused) AS refused, count() AS parts, uniqExact(first_offset, last_offset, messages) AS distinct_parts
    FROM ledger WHERE topic = {topic:String} AND topic_id != ''
    GROUP BY topic_id, `partition`, claim_first, claim_next, claim_messages
"""
EXTENTS = f"""
    SELECT topic_id, `partition`, min(claim_first), max(claim_next), sum(stored), sum(refused)
    FROM ({CLAIMS}) GROUP BY topic_id, `partition` ORDER BY topic_id, `partition`
"""
ODD_CLAIMS = f"""
    SELECT topic_id, `partition`, claim_first, claim_next, claim_messages, stored, parts, distinct_parts, previous_next
    FROM (SELECT *, lagInFrame(claim_next, 1, claim_first) OVER (PARTITION BY topic_id, `partition`
                 ORDER BY claim_first, claim_next ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS previous_next
          FROM ({CLAIMS}))
    WHERE previous_next != claim_first OR stored != claim_messages OR parts != distinct_parts
    ORDER BY topic_id, `partition`, claim_first
"""
# A purge writes down each letter before it deletes it; one that is in neither table is lost.
LETTERS = f"""
    SELECT claims.topic_id, claims.`partition`, claims.claim_first, claims.claim_next, claims.refused, letters.count
    FROM (SELECT * FROM ({CLAIMS}) WHERE refused > 0) AS claims
    LEFT JOIN (SELECT letters.topic_id AS topic_id, letters.`partition` AS `partition`,
                      claims.claim_first AS claim_first, count() AS count
               FROM (SELECT topic_id, `partition`, `offset` FROM dead_letters
                     WHERE topic = {{topic:String}} AND topic_id != ''
                     UNION DISTINCT
                     SELECT topic_id, `partition`, `offset` FROM purged_letters
                     WHERE topic = {{topic:String}} AND topic_id != '') AS letters
               ASOF JOIN ({CLAIMS}) AS claims
               ON letters.topic_id = claims.topic_id AND letters.`partition` = claims.`partition`
                  AND letters.`offset` >= claims.claim_first
               GROUP BY topic_id, `partition`, claim_first) AS letters
    USING (topic_id, `partition`, claim_first)
    WHERE claims.refused != letters.count
    ORDER BY claims.topic_id, claims.`partition`, claims.claim_first
"""
ROWS = """
    SELECT topic_id, `partition`, count() FROM metrics
    WHERE topic_id IN (SELECT DISTINCT topic_id FROM ledger WHERE topic = {topic:String} AND topic_id != '')
    GROUP BY topic_id, `partition`
"""
DOUBLED_OFFSETS = """
    SELECT min(`offset`), max(`offset`) + 1, count() FROM
        (SELECT `offset` FROM metrics WHERE topic_id = {topic_id:String} AND `partition` = {partition:UInt16}
         GROUP BY `offset` HAVING count() > 1)
"""


@dataclass(frozen=True, slots=True)
class _Kafka:
    low: int
    high: int
    committed: Committed | None


def verify(settings: Settings) -> Verdict:
    """Compare Kafka's offsets with ClickHouse's ledger, rows and dead letters. Changes nothing; consumers may run.

    Raises ServiceUnavailableError or ConfigurationError when one of them cannot be asked.
    """
    client = open_tables(settings.clickhouse)
    kafka = KafkaQuestions(settings.kafka)
    cluster_id = str(kafka.cluster().cluster_id)
    feeders = Feeders(client, lambda: kafka, cluster_id=cluster_id, topic=settings.kafka.topic)
    source = KafkaSource(settings.kafka)
    try:
        with asking_clickhouse():
            verdict = _verify(source, client, settings.kafka.topic)
        return replace(verdict, groups=feeders.groups(settings.kafka.group_id))
    finally:
        source.close()
        client.close()


def _verify(source: KafkaSource, client: Client, topic: str) -> Verdict:
    topic_id = source.topic_id()
    numbers = source.partitions() if topic_id else []
    committed = {number: source.committed(number) for number in numbers}
    tables = _Tables(client, topic)
    extents = tables.rows(EXTENTS)
    odd_claims = tables.rows(ODD_CLAIMS)
    problems = [*_odd_claims(odd_claims, topic_id, committed), *_letters(tables, topic_id, committed)]
    problems += _doubled_rows(tables, extents)
    if topic_id is not None:
        problems += _engine_doubles(tables, topic_id)
    shares = engine_shares(tables, topic_id, EngineTable(client).handover())
    kafka = {number: _Kafka(*source.extent(number), committed[number]) for number in numbers}
    nothing = EngineShare()
    proofs = [_proof(topic_id, kafka, shares.get((row[0], row[1]), nothing), *row) for row in extents]
    known = {(one.topic_id, one.partition) for one in proofs}
    for number in kafka:
        if topic_id is not None and (topic_id, number) not in known:
            share = shares.get((topic_id, number), nothing)
            proofs.append(_proof(topic_id, kafka, share, topic_id, number, None, None, 0, 0))
    unfinished = _unfinished(odd_claims, topic_id, committed)
    proofs = [
        replace(one, in_flight=one.in_flight + unfinished.get(one.partition, 0)) if one.topic_id == topic_id else one
        for one in proofs
    ]
    proofs.sort(key=lambda one: (one.topic_id != topic_id, one.topic_id, one.partition))
    for proof in proofs:
        if proof.topic_id == topic_id:
            problems += _uncovered(proof, kafka[proof.partition].committed)
    return Verdict(topic, topic_id, tuple(proofs), tuple(problems))


class _Tables:
    def __init__(self, client: Client, topic: str) -> None:
        self._client = client
        self._topic = topic

    def rows(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        answer = self._client.query(sql, parameters={"topic": self._topic, **parameters})
        return [tuple(row) for row in answer.result_rows]


def _may_be_under_way(
    today: str | None, committed: dict[int, Committed | None], topic_id: str, partition: int, next_: int
) -> bool:
    """Whether a claim that ends at `next_` was not yet committed as stored when this began."""
    if topic_id != today:
        return False
    commit = committed.get(partition)
    return commit is None or (commit.claim is not None and commit.claim.topic_id != today) or next_ > commit.offset


def _odd_claims(
    rows: list[tuple[Any, ...]], today: str | None, committed: dict[int, Committed | None]
) -> list[Problem]:
    problems = []
    for topic_id, partition, first, next_, promised, stored, parts, distinct, previous in rows:
        if previous < first:
            problems.append(Problem("gap", topic_id, partition, previous, first, "nothing of it is in the ledger"))
        elif previous > first:
            problems.append(Problem("double", topic_id, partition, first, min(previous, next_), "claimed twice"))
        if parts != distinct:
            problems.append(
                Problem("double", topic_id, partition, first, next_, f"{parts - distinct} parts came twice")
            )
        elif stored > promised:
            problems.append(Problem("double", topic_id, partition, first, next_, f"{stored} stored of {promised}"))
        elif stored < promised and not _may_be_under_way(today, committed, topic_id, partition, next_):
            problems.append(Problem("incomplete", topic_id, partition, first, next_, f"{stored} stored of {promised}"))
    return problems


def _unfinished(
    rows: list[tuple[Any, ...]], today: str | None, committed: dict[int, Committed | None]
) -> dict[int, int]:
    """For each partition the messages of claims that are stored in part and may be under way."""
    missing: dict[int, int] = {}
    for topic_id, partition, _, next_, promised, stored, *_ in rows:
        if stored < promised and _may_be_under_way(today, committed, topic_id, partition, next_):
            missing[partition] = missing.get(partition, 0) + promised - stored
    return missing


def _letters(tables: _Tables, today: str | None, committed: dict[int, Committed | None]) -> list[Problem]:
    return [
        Problem("dead_letters", topic_id, partition, first, next_, f"{letters} dead letters of {refused} refused")
        for topic_id, partition, first, next_, refused, letters in tables.rows(LETTERS)
        if not _may_be_under_way(today, committed, topic_id, partition, next_)
    ]


def _doubled_rows(tables: _Tables, extents: list[tuple[Any, ...]]) -> list[Problem]:
    """Rows that are physically there twice. Fewer rows than messages are right: a revision sent twice is one row."""
    good = {(topic_id, partition): stored - refused for topic_id, partition, _, _, stored, refused in extents}
    problems = []
    for topic_id, partition, rows in tables.rows(ROWS):
        if rows <= good.get((topic_id, partition), 0):
            continue
        first, next_, count = tables.rows(DOUBLED_OFFSETS, topic_id=topic_id, partition=partition)[0]
        if count:
            problems.append(Problem("double", topic_id, partition, first, next_, f"{count} messages have two rows"))
    return problems


def _engine_doubles(tables: _Tables, topic_id: str) -> list[Problem]:
    return [
        Problem("double", topic_id, partition, first, next_, f"the Kafka engine stored {count} of them as well")
        for partition, first, next_, count in engine_doubles(tables, topic_id)
    ]


def _proof(
    today: str | None,
    kafka: dict[int, _Kafka],
    by_engine: EngineShare,
    topic_id: str,
    partition: int,
    first: int | None,
    next_: int | None,
    stored: int,
    refused: int,
) -> PartitionProof:
    share = by_engine.messages, by_engine.untraced
    now = kafka.get(partition) if topic_id == today else None
    if now is None:
        return PartitionProof(topic_id, partition, None, None, first, next_, stored, refused, 0, *share)
    in_flight = max(now.high - max(next_ or 0, by_engine.next or 0, now.low, _passed(now.committed, topic_id)), 0)
    return PartitionProof(topic_id, partition, now.low, now.high, first, next_, stored, refused, in_flight, *share)


def _passed(committed: Committed | None, topic_id: str) -> int:
    """Before it no message is left: an idle consumer commits behind the marks of transactions, too."""
    claim = committed.claim if committed else None
    return claim.passed if claim is not None and claim.topic_id == topic_id else 0


def _uncovered(proof: PartitionProof, committed: Committed | None) -> list[Problem]:
    """Offsets before the first claim or behind the newest one that should have been stored."""
    problems = []
    claim = committed.claim if committed and committed.claim and committed.claim.topic_id == proof.topic_id else None
    if proof.first is not None and proof.low is not None:
        begins = min(proof.low, claim.start) if claim else proof.low
        if begins < proof.first:
            problems.append(
                Problem("gap", proof.topic_id, proof.partition, begins, proof.first, "before the ledger's first claim")
            )
    ends = proof.next if proof.next is not None else claim.start if claim else None
    if claim is not None and ends is not None and ends < claim.first:
        problems.append(
            Problem("gap", proof.topic_id, proof.partition, ends, claim.first, "committed as stored, not in the ledger")
        )
    return problems
