"""From the tables to metrics as 1.x programs know them: the forms that wattnet-api expects are made here only."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from itertools import repeat
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np

from wattnet.query import Client, UnknownLabelError, UnknownNameError
from wattnet.query.columns import read_columns
from wattnet.schemas import ATTRIBUTE_LABEL_NAMES, LABELS_BY_TYPE, QUALITY_LABEL_NAMES
from wattnet.storage._filters import Filters
from wattnet.storage._series import NEVER_EMPTY, UNKNOWN
from wattnet.storage.models.metric import from_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from wattnet.clickhouse import ClickHouseSettings
    from wattnet.query.columns import Answer
    from wattnet.storage.models import Metric

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_EXPECTED: dict[str, frozenset[str]] = {kind.value: labels for kind, labels in LABELS_BY_TYPE.items()}


def reader(settings: ClickHouseSettings) -> Client:
    """The query client for these settings; it connects with the first question."""
    tls = {"ca_cert": settings.ca_cert, "client_cert": settings.client_cert}
    tls |= {"client_cert_key": settings.client_cert_key, "verify": None if settings.verify else "false"}
    given = urlencode({name: value for name, value in tls.items() if value is not None})
    return Client(
        f"{settings.address}?{given}" if given else settings.address,
        database=settings.database,
        user=settings.user,
        password=settings.password.get_secret_value(),
    )


def read(client: Client, name: str, start: datetime, end: datetime, labels: Mapping[str, Any] | None) -> list[Metric]:
    """The current metrics with `start` <= timestamp < `end`, in the order of their timestamps.

    Raises UnknownNameError for a name that is no metric type and under which nothing is stored, UnknownLabelError for
    a label that no series has and readers of the type do not expect, FilterError; and what reading raises.
    """
    expected = _EXPECTED.get(name, frozenset())
    filters = Filters.parse(name, labels or {})
    if not all(filters.asked.values()):
        return []  # only values that no label can have were asked for
    try:
        for label in filters.sorted_out.keys() - expected - ATTRIBUTE_LABEL_NAMES:
            client.label_values(name, label)  # raises when no series has it
        found = client.metrics(name, start=start, end=end, **filters.without_forecasts())
        answer = read_columns(found.with_attributes())
    except UnknownNameError:
        if name in _EXPECTED:
            return []  # a metric type of which nothing is stored yet
        raise
    except UnknownLabelError:
        if filters.asked.keys() | filters.sorted_out.keys() <= expected | QUALITY_LABEL_NAMES | ATTRIBUTE_LABEL_NAMES:
            return []  # nothing has it yet
        raise
    return _metrics(answer, filters.sorted_out)


def _metrics(answer: Answer, sorted_out: Mapping[str, frozenset[str]]) -> list[Metric]:
    kinds, kind = _kinds(answer)
    order = np.argsort(answer.timestamp, kind="stable")
    if sorted_out:
        wanted = np.array([_is_wanted(one, sorted_out) for one in kinds], np.bool_)
        order = order[wanted[kind[order]]]
    prototypes = [_metadata(answer.name, one) for one in kinds]
    return from_columns(
        answer.name,
        answer.value[order].tolist(),
        _datetimes(answer.timestamp[order]),
        [prototypes[code] for code in kind[order].tolist()],
    )


def _kinds(answer: Answer) -> tuple[list[dict[str, Any]], NDArray[np.intp]]:
    """What metrics say besides value and time, and which of these each row says."""
    status_text, state_text, attributes_text = answer.zone_status, answer.data_state, answer.attributes
    if attributes_text is None:
        raise AssertionError("the answer was asked for with attributes")
    columns = (answer.position, answer.valid, status_text.codes, state_text.codes, attributes_text.codes)
    code = np.zeros(len(answer.value), np.int64)
    for column in columns:
        code = code * (int(column.max(initial=0)) + 1) + column
    _, first, kind = np.unique(code, return_index=True, return_inverse=True)
    described = [json.loads(text) if text else {} for text in attributes_text.values]
    kinds = []
    for position, valid, status, state, attributes in zip(*(column[first].tolist() for column in columns), strict=True):
        shown = {name: text for name, text in described[attributes].items() if name in ATTRIBUTE_LABEL_NAMES}
        quality = {
            "valid": "true" if valid else "false",
            "zone_status": status_text.values[status],
            "data_state": state_text.values[state],
        }
        kinds.append({**shown, **answer.series[position].labels, **quality})
    return kinds, kind


def _is_wanted(said: Mapping[str, Any], sorted_out: Mapping[str, frozenset[str]]) -> bool:
    return all((said.get(label) or "") in wanted for label, wanted in sorted_out.items())


def _metadata(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """With all that readers of this type expect."""
    expected = _EXPECTED.get(name, frozenset())
    metadata: dict[str, Any] = {label: UNKNOWN if label in NEVER_EMPTY else "" for label in sorted(expected)}
    metadata |= {label: text for label, text in said.items() if text}
    if "year" in metadata:
        year = metadata["year"]
        metadata["year"] = int(year) if year.isdecimal() else year or None
    return metadata


def _datetimes(us: NDArray[np.int64]) -> Sequence[datetime]:
    """Of sorted microseconds since 1970. Equal times are one object: series share their timestamps."""
    first = np.empty(len(us), np.bool_)
    first[:1] = True
    np.not_equal(us[1:], us[:-1], out=first[1:])
    distinct = us[first].tolist()
    moments = list(map(EPOCH.__add__, map(timedelta, repeat(0), repeat(0), distinct)))
    if len(moments) == len(us):
        return moments
    return list(map(moments.__getitem__, (np.cumsum(first) - 1).tolist()))
