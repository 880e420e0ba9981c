"""What is another value than it was, by arrival, on the real engine."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from road import until

from wattnet.query import FilterError, Revised, TimeError, UnknownNameError
from wattnet.schemas import ZONE_STATUSES, Metric

if TYPE_CHECKING:
    from direct_writer import DirectWriter

    from wattnet.query import Client

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
FAR = "2064-12-31T23:59:59Z"
Sent = list[tuple[int, int | None, bool, str]]
ES = {"zone": "ES"}


def by_now(store: DirectWriter) -> datetime:
    """A moment after all that is stored, and before all that will be."""
    moment = store.rows("SELECT now64(3, 'UTC') + INTERVAL 1 MILLISECOND")[0][0]
    until(lambda: store.rows("SELECT now64(3, 'UTC')")[0][0] >= moment, "the next millisecond")
    assert isinstance(moment, datetime)
    return moment


def test_appeared_revised_and_retracted(store: DirectWriter, client: Client, name: str) -> None:
    """With what it was, what it is, and by how much; not what did not win, or says the same again."""
    store.put(*(Metric(name, 10.0, T0 + hour * HOUR, ES) for hour in range(5)), Metric(name, 0.0, T0 + 5 * HOUR, ES))
    t = by_now(store)
    store.put(
        Metric(name, 12.5, T0, ES),
        Metric(name, None, T0 + HOUR, ES),
        Metric(name, 99.0, T0 + 2 * HOUR, {**ES, "zone_status": "preview"}),
        Metric(name, 10.0, T0 + 3 * HOUR, ES),
        Metric(name, 1.0, T0 + 5 * HOUR, ES),
        Metric(name, 7.0, T0 + 6 * HOUR, ES),
        Metric(name, 4.0, T0 + 400 * 24 * HOUR, {"zone": "PT", "source": "new"}),
        Metric(name, None, T0 + 8 * HOUR, ES),
    )
    later = by_now(store)
    changed = client.changed_since(t, name)
    assert [(row.labels["zone"], row.timestamp, row.kind, row.before, row.now) for row in changed] == [
        ("ES", T0, "revised", 10.0, 12.5),
        ("ES", T0 + HOUR, "retracted", 10.0, None),
        ("ES", T0 + 5 * HOUR, "revised", 0.0, 1.0),
        ("ES", T0 + 6 * HOUR, "appeared", None, 7.0),
        ("PT", T0 + 400 * 24 * HOUR, "appeared", None, 4.0),
    ]
    assert [(row.difference, row.relative) for row in changed[:3]] == [(2.5, 0.25), (None, None), (1.0, None)]
    assert all(t <= row.stored_at < later for row in changed)
    assert changed[-1].knowledge_time == store.known - timedelta(microseconds=1)
    frame = changed.to_pandas()
    assert list(frame["relative"].dropna()) == [0.25]
    assert list(frame.columns)[:5] == ["source", "zone", "timestamp", "kind", "before"]
    assert len(client.changed_since(later, name)) == 0
    assert len(client.changed_since("-1h", name)) == len(client.metrics(name, start=T0, end=FAR).to_list())
    assert [row.now for row in client.changed_since(t, name, start=T0 + HOUR, end=T0 + 6 * HOUR)] == [None, 1.0]
    assert [row.now for row in client.changed_since(t, name, zone="PT")] == [4.0]


REVISIONS = st.lists(
    st.tuples(st.integers(0, 3), st.none() | st.integers(0, 2), st.booleans(), st.sampled_from(ZONE_STATUSES)),
    max_size=8,
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(REVISIONS, REVISIONS)
def test_it_is_the_difference_of_two_answers(
    store: DirectWriter,
    client: Client,
    before: Sent,
    after: Sent,
) -> None:
    """Of what metrics() said then and says now, whatever was sent, merged or not."""
    name = f"changed_x{uuid.uuid4().hex}"
    store.put(Metric(name, 5.0, T0, {"zone": "PT"}))

    def send(revisions: Sent) -> dict[tuple[str, datetime], float | None]:
        if revisions:
            store.put(
                *(
                    Metric(name, value, T0 + hour * HOUR, {**ES, "valid": valid, "zone_status": status})
                    for hour, value, valid, status in revisions
                )
            )
        metrics = client.metrics(name, start=T0, end=FAR).to_list()
        return {(metric.labels["zone"], metric.timestamp): metric.value for metric in metrics}

    then, t = send(before), by_now(store)
    now = send(after)
    expected = sorted(
        (key, then.get(key), now.get(key)) for key in then.keys() | now.keys() if then.get(key) != now.get(key)
    )
    for _ in range(2):
        found: list[Revised] = client.changed_since(t, name).to_list()
        assert [((row.labels["zone"], row.timestamp), row.before, row.now) for row in found] == expected
        store.driver.command("OPTIMIZE TABLE metrics FINAL")


def test_a_revision_sent_again_counts_by_its_newer_copy(store: DirectWriter, client: Client, name: str) -> None:
    """Before and after merges the same."""
    first = Metric(name, 1.0, T0, ES, knowledge_time=T0)
    store.put(first)
    t = by_now(store)
    store.put(first)
    for _ in range(2):
        assert [(row.kind, row.now) for row in client.changed_since(t, name)] == [("appeared", 1.0)]
        store.driver.command("OPTIMIZE TABLE metrics FINAL")


def test_wrong_questions_about_changes(store: DirectWriter, client: Client, name: str) -> None:
    store.put(Metric(name, 1.0, T0, ES))
    with pytest.raises(FilterError, match="may be what changed"):
        client.changed_since("-1d", name, valid=True)
    with pytest.raises(TimeError, match="no UTC offset"):
        client.changed_since(datetime(2025, 1, 1), name)  # noqa: DTZ001  that is the question
    with pytest.raises(TimeError, match="after end"):
        client.changed_since("-1d", name, start="now", end="-1d")
    with pytest.raises(UnknownNameError):
        client.changed_since("-1d", name[:-1])
