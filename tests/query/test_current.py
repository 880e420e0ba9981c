"""Which value is current, by the design's rule, on the real engine."""

from __future__ import annotations

import struct
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wattnet.schemas import ZONE_STATUSES, Metric

if TYPE_CHECKING:
    from direct_writer import DirectWriter

    from wattnet.query import Client

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
FAR = "2064-12-31T23:59:59Z"

# The database is shared by an example's runs: each has a metric name of its own.
ON_ENGINE = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def values(client: Client, name: str, **asked: object) -> list[float]:
    metrics = client.metrics(name, start=T0, end=FAR, **asked).to_list()  # type: ignore[arg-type]  # filters and as_of
    return [metric.value for metric in metrics if metric.value is not None]


@ON_ENGINE
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_values_come_back_bit_for_bit(store: DirectWriter, client: Client, numbers: list[float]) -> None:
    """Subnormals, -0.0 and the ends of Float64 too, in every form."""
    name = f"bits_x{uuid.uuid4().hex}"
    numbers += [-0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2]
    store.put(*(Metric(name, number, T0 + n * HOUR, {"zone": "ES"}) for n, number in enumerate(numbers)))
    expected = [struct.pack("<d", number) for number in numbers]
    query = client.metrics(name, start=T0, end=FAR)
    for read in (
        [metric.value for metric in query.to_list()],
        query.to_pandas()["value"].tolist(),
        query.to_polars()["value"].to_list(),
        query.to_arrow()["value"].to_pylist(),
    ):
        assert [struct.pack("<d", number) for number in read] == expected


def test_a_late_preview_does_not_hide_a_complete_value(store: DirectWriter, client: Client, name: str) -> None:
    """Status goes before age, and validity before status."""
    for value, quality in (
        (1.0, {}),
        (2.0, {"zone_status": "preview"}),
        (3.0, {"valid": False}),
        (4.0, {"zone_status": "missing"}),
        (5.0, {"valid": False, "zone_status": "preview"}),
    ):
        store.put(Metric(name, value, T0, {"zone": "ES", **quality}))
        assert values(client, name) == [1.0]


def test_the_newest_of_one_quality_is_current(store: DirectWriter, client: Client, name: str) -> None:
    """Newest is by knowledge_time, in whatever order they arrive; the same revision again replaces itself."""
    store.put(Metric(name, 2.0, T0, {"zone": "ES"}, knowledge_time=T0 + 2 * SECOND))
    store.put(Metric(name, 1.0, T0, {"zone": "ES"}, knowledge_time=T0 + SECOND))
    assert values(client, name) == [2.0]
    store.put(Metric(name, 2.5, T0, {"zone": "ES"}, knowledge_time=T0 + 2 * SECOND))
    assert values(client, name) == [2.5]


def test_two_datasources_live_side_by_side(store: DirectWriter, client: Client, name: str) -> None:
    """Every label is identity, so neither overwrites the other."""
    store.put(
        *(Metric(name, value, T0, {"zone": "ES", "datasource": source}) for source, value in (("b", 2.0), ("a", 1.0)))
    )
    metrics = client.metrics(name, start=T0, end=FAR).to_list()
    assert [(metric.labels["datasource"], metric.value) for metric in metrics] == [("a", 1.0), ("b", 2.0)]
    assert values(client, name, datasource="b") == [2.0]


def test_a_retraction_hides_and_a_republication_shows(store: DirectWriter, client: Client, name: str) -> None:
    """A retracted point is no row, in a range and in latest; and it can come back."""
    labels = {"zone": "ES"}
    store.put(Metric(name, 1.0, T0, labels), Metric(name, 2.0, T0 + HOUR, labels))
    store.put(Metric(name, None, T0 + HOUR, labels))
    assert values(client, name) == [1.0]
    assert [metric.value for metric in client.latest(name).to_list()] == [1.0]
    store.put(
        Metric(
            name,
            3.0,
            T0 + HOUR,
            labels,
        )
    )
    assert values(client, name) == [1.0, 3.0]
    assert [metric.value for metric in client.latest(name).to_list()] == [3.0]


def test_as_of_gives_yesterdays_answer(store: DirectWriter, client: Client, name: str) -> None:
    """What was known at that moment, to the microsecond; a retraction of today had not happened then."""
    yesterday, labels = T0 + 10 * HOUR, {"zone": "ES"}
    store.put(
        Metric(name, 1.0, T0, labels, knowledge_time=yesterday),
        Metric(name, 2.0, T0, labels, knowledge_time=yesterday + HOUR),
        Metric(name, None, T0, labels, knowledge_time=yesterday + 2 * HOUR),
    )
    microsecond = timedelta(microseconds=1)
    asked = [
        (yesterday - microsecond, []),
        (yesterday, [1.0]),
        (yesterday + HOUR - microsecond, [1.0]),
        (yesterday + HOUR, [2.0]),
        (yesterday + 2 * HOUR - microsecond, [2.0]),
        (yesterday + 2 * HOUR, []),
        ("now", []),
    ]
    assert [values(client, name, as_of=moment) for moment, _ in asked] == [answer for _, answer in asked]
    assert values(client, name, as_of="2025-03-01T15:30:00+05:00") == [1.0]


def test_ranges_are_half_open_and_offsets_count(store: DirectWriter, client: Client, name: str) -> None:
    """start belongs to the range, end does not, to the microsecond and in any offset."""
    microsecond = timedelta(microseconds=1)
    moments = [T0 - microsecond, T0, T0 + microsecond, T0 + HOUR - microsecond, T0 + HOUR]
    store.put(*(Metric(name, float(n), moment, {"zone": "ES"}) for n, moment in enumerate(moments)))

    def read(start: datetime | str, end: datetime | str) -> list[float | None]:
        return [metric.value for metric in client.metrics(name, start=start, end=end).to_list()]

    assert read(T0, T0 + HOUR) == [1.0, 2.0, 3.0]
    assert read("2025-03-01T01:00:00+01:00", "2025-02-28T20:00:00-05:00") == [1.0, 2.0, 3.0]
    east = timezone(timedelta(hours=5, minutes=45))
    assert read(T0.astimezone(east), (T0 + HOUR).astimezone(east)) == [1.0, 2.0, 3.0]
    assert read("2025-03-01T00:00:00.000001Z", "2025-03-01T01:00:00.000001Z") == [2.0, 3.0, 4.0]
    assert read(T0, T0) == []
    assert (
        read("0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00")
        == read("-9999w", "+9999w")
        == [0.0, 1.0, 2.0, 3.0, 4.0]
    )


def test_without_an_end_it_is_now(store: DirectWriter, client: Client, name: str) -> None:
    """Relative times count from the reading; what lies ahead of now needs an end."""
    now = datetime.now(timezone.utc)
    hours = {-30: 1.0, -20: 2.0, -1: 3.0, 5: 4.0}
    store.put(*(Metric(name, value, now + hour * HOUR, {"zone": "ES"}) for hour, value in hours.items()))
    read = {
        (start, end): [metric.value for metric in client.metrics(name, start=start, end=end).to_list()]
        for start, end in (("-1d", None), ("-1w", "-1d"), ("-6h", "+1d"), ("now", "+1w"))
    }
    assert list(read.values()) == [[2.0, 3.0], [1.0], [3.0, 4.0], [4.0]]


def test_quality_selects_among_current_values(store: DirectWriter, client: Client, name: str) -> None:
    """It is asked of the value that won; it never brings back one that lost."""
    store.put(
        Metric(name, 1.0, T0, {"zone": "ES", "data_state": "estimated"}),
        Metric(name, 2.0, T0, {"zone": "ES", "valid": False}),
        Metric(name, 3.0, T0 + HOUR, {"zone": "ES", "valid": False, "zone_status": "preview"}),
        Metric(name, 4.0, T0 + 2 * HOUR, {"zone": "ES", "zone_status": "missing", "data_state": "final"}),
    )
    assert values(client, name, valid=True) == [1.0, 4.0]
    assert values(client, name, valid=False) == [3.0]
    assert values(client, name, zone_status=["preview", "missing"]) == [3.0, 4.0]
    assert values(client, name, data_state="estimated") == [1.0]
    assert values(client, name, data_state=["estimated", "final"], valid=True, zone_status="complete") == [1.0]
    assert [metric.value for metric in client.latest(name, valid=False).to_list()] == [3.0]


REVISION = st.builds(
    Metric,
    st.just("replaced"),
    st.none() | st.floats(-1e6, 1e6),
    st.sampled_from([T0, T0 + HOUR, T0 + 400 * 24 * HOUR]),
    st.fixed_dictionaries(
        {
            "zone": st.sampled_from(["ES", "PT"]),
            "valid": st.booleans(),
            "zone_status": st.sampled_from(ZONE_STATUSES),
            "data_state": st.sampled_from(["", "final", "estimated"]),
        }
    ),
    knowledge_time=st.integers(0, 5).map(lambda n: T0 + n * SECOND),
)


@ON_ENGINE
@given(st.lists(st.lists(REVISION, min_size=1, max_size=6), min_size=1, max_size=4), st.integers(-1, 6))
def test_the_client_and_the_views_agree(
    store: DirectWriter, client: Client, inserts: list[list[Metric]], as_of: int
) -> None:
    """The client groups in its own, faster way: the same rows, whatever was sent in whatever order."""
    name = f"views_x{uuid.uuid4().hex}"
    for insert in inserts:
        store.put(
            *(
                Metric(
                    name, metric.value, metric.timestamp, dict(metric.metadata), knowledge_time=metric.knowledge_time
                )
                for metric in insert
            )
        )
    columns = "zone, timestamp, value, valid, zone_status, data_state, knowledge_time"
    known = T0 + as_of * SECOND
    known_text = known.strftime("%Y-%m-%d %H:%M:%S")
    by_views = [
        store.rows(
            f"SELECT {columns} FROM {view} WHERE name = {{name:String}} ORDER BY zone, timestamp",
            name=name,
            known=known_text,
        )
        for view in ("current_metrics", "metrics_as_of(as_of = {known:String})")
    ]
    by_client = [
        [
            (m.labels["zone"], m.timestamp, m.value, m.valid, m.zone_status, m.data_state, m.knowledge_time)
            for m in client.metrics(name, start=T0, end=FAR, as_of=moment).to_list()
        ]
        for moment in (None, known)
    ]
    assert by_client == by_views


def test_the_newest_value_of_every_series(store: DirectWriter, client: Client, name: str) -> None:
    """One row a series: the newest point that has a current value, however it arrived; none where all is retracted."""

    def metric(zone: str, hour: int, value: float | None) -> Metric:
        return Metric(name, value, T0 + hour * HOUR, {"zone": zone})

    store.put(*(metric("ES", hour, float(hour)) for hour in (5, 9, 7)), metric("PT", 3, 30.0), metric("FR", 1, 10.0))
    store.put(
        metric("FR", 1, None), metric("DE", 1, 0.0), metric("DE", 2, 1.0), metric("DE", 4, 2.0), metric("DE", 6, 3.0)
    )
    store.put(metric("DE", 4, None), metric("DE", 6, None), metric("ES", 8, 8.5))

    def read(**labels: object) -> dict[str, tuple[float | None, datetime]]:
        return {m.labels["zone"]: (m.value, m.timestamp) for m in client.latest(name, **labels).to_list()}

    assert read() == {"DE": (1.0, T0 + 2 * HOUR), "ES": (9.0, T0 + 9 * HOUR), "PT": (30.0, T0 + 3 * HOUR)}
    assert read(zone=["FR", "PT"]) == {"PT": (30.0, T0 + 3 * HOUR)}
    assert list(client.latest(name).to_pandas()["value"]) == [1.0, 9.0, 30.0]
    with pytest.raises(LookupError, match="did you mean 'zone'"):
        client.latest(name, zonee="ES").to_list()
