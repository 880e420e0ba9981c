"""The newest value of a series, whatever came in whatever order: the kept one is the one that metrics would give."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from operator import itemgetter
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wattnet.schemas import ZONE_STATUSES, Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from direct_writer import DirectWriter

    from wattnet.query import Client

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


Row = tuple[object, ...]

# Each with what it lets through.
ASKED: tuple[tuple[dict[str, object], Callable[[Metric], bool]], ...] = (
    ({}, lambda metric: True),
    ({"valid": True}, lambda metric: metric.valid),
    ({"zone_status": ["complete", "preview"]}, lambda metric: metric.zone_status != "missing"),
    ({"data_state": "final", "valid": False}, lambda metric: metric.data_state == "final" and not metric.valid),
    ({"zone": ["A", "C", "E"]}, lambda metric: metric.labels["zone"] in ["A", "C", "E"]),
)

# The points lie hours, weeks and years apart: an older value is looked for in steps.
REVISIONS = st.builds(
    lambda number, value, zone, point, quality, known: Metric(
        "replaced",
        value,
        T0 + (0, 1, 2, 24 * 20, 24 * 600)[point] * HOUR,
        {"zone": zone, **quality},
        knowledge_time=T0 + known * SECOND,
        attributes={"run": str(number)},
    ),
    st.integers(0, 99),
    st.none() | st.integers(0, 99).map(float),
    st.sampled_from("ABCDEF"),
    st.integers(0, 4),
    st.fixed_dictionaries(
        {
            "valid": st.sampled_from([True, True, False]),
            "zone_status": st.sampled_from(["complete", "complete", "preview", "missing"]),
            "data_state": st.sampled_from(["", "final"]),
        }
    ),
    st.integers(0, 1),
)


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    inserts=st.lists(st.lists(REVISIONS, min_size=1, max_size=60), min_size=1, max_size=5),
    again=st.lists(st.integers(0, 4), max_size=3),
)
def test_any_order_of_arrival(
    store: DirectWriter, client: Client, inserts: list[list[Metric]], again: list[int]
) -> None:
    """Late points, late revisions of every quality, retractions, one revision twice, whole inserts repeated."""
    name = f"newest_x{uuid.uuid4().hex}"
    inserts += [inserts[number] for number in again if number < len(inserts)]
    _check(store, client, name, inserts)


def test_what_a_newest_value_must_survive(store: DirectWriter, client: Client, name: str) -> None:
    """Each rule alone, as one series: whatever came last is not what counts."""

    def metric(zone: str, value: float | None, hours: int = 24 * 600, known: int = 1, **quality: object) -> Metric:
        known_at = T0 + known * SECOND
        return Metric(name, value, T0 + hours * HOUR, {"zone": zone, **quality}, knowledge_time=known_at)

    first = [metric("twice in one insert", 1.0), metric("twice in one insert", 2.0), metric("sent again", 1.0)]
    first += [metric(zone, 1.0) for zone in ("late preview", "late invalid", "late revision", "late point")]
    first += [metric(zone, 1.0, hours) for zone in ("withdrawn", "all withdrawn") for hours in (0, 24 * 600)]
    second = [
        metric("sent again", 2.0),
        metric("late preview", 2.0, known=2, zone_status="preview"),
        metric("late invalid", 2.0, known=2, valid=False),
        metric("late revision", 2.0, known=0),
        metric("late point", 2.0, 5, known=2),
        metric("withdrawn", None, known=2),
        *(metric("all withdrawn", None, hours, known=2) for hours in (0, 24 * 600)),
    ]
    _check(store, client, name, [first, second, [metric("sent again", 1.0)]])


def _check(store: DirectWriter, client: Client, name: str, inserts: Sequence[Sequence[Metric]]) -> None:
    """What is kept, what a search through all of metrics finds, and the rule agree."""
    for insert in inserts:
        store.put(*(_named(name, metric) for metric in insert))
    for asked, lets_through in ASKED:
        kept = client.latest(name, **asked)
        searched = client.metrics(name, start="1970-01-01T00:00Z", end="2065-01-01T00:00Z", **asked).latest()  # type: ignore[arg-type]  # filters
        by_rule = _newest(inserts, lets_through)
        assert [_row(metric) for metric in searched.with_attributes().to_list()] == by_rule
        assert [_row(metric) for metric in kept.with_attributes().to_list()] == by_rule


def _newest(inserts: Iterable[Iterable[Metric]], lets_through: Callable[[Metric], bool]) -> list[Row]:
    """The rule, in Python: the last copy of each revision; of each point the revision of greatest rank; the newest."""
    revisions: dict[tuple[str, datetime, tuple[bool, int, int]], Metric] = {}
    for insert in inserts:
        for metric in insert:
            assert metric.knowledge_time_us is not None
            rank = metric.valid, ZONE_STATUSES.index(metric.zone_status), metric.knowledge_time_us
            revisions[metric.labels["zone"], metric.timestamp, rank] = metric
    current = {
        (zone, timestamp): metric for (zone, timestamp, _), metric in sorted(revisions.items(), key=itemgetter(0))
    }
    newest = {
        zone: _row(metric)
        for (zone, _), metric in sorted(current.items(), key=itemgetter(0))
        if metric.value is not None and lets_through(metric)
    }
    return [newest[zone] for zone in sorted(newest)]


def _row(metric: Metric) -> Row:
    quality = metric.valid, metric.zone_status, metric.data_state
    return metric.labels["zone"], metric.timestamp, metric.value, *quality, metric.knowledge_time, metric.attributes


def _named(name: str, metric: Metric) -> Metric:
    return Metric(
        name,
        metric.value,
        metric.timestamp,
        dict(metric.metadata),
        knowledge_time=metric.knowledge_time,
        attributes=metric.attributes,
    )


def test_kept_rows_are_one_a_series_and_insert(store: DirectWriter, name: str) -> None:
    """What is kept does not grow with the history: an insert adds a row for each of its series."""
    store.put(*(Metric(name, float(hour), T0 + hour * HOUR, {"zone": zone}) for hour in range(50) for zone in "AB"))
    assert store.rows("SELECT count() FROM newest WHERE name = {name:String}", name=name) == [(2,)]
