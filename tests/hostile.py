"""Metrics that are allowed and as nasty as the rules let them be, and records that keep no rule but the schema."""

from __future__ import annotations

import json
import warnings
from datetime import datetime, timedelta, timezone
from io import BytesIO

import fastavro
from hypothesis import strategies as st

from wattnet.schemas import (
    ATTRIBUTE_LABEL_NAMES,
    METRIC_FINGERPRINT,
    METRIC_SCHEMA_JSON,
    QUALITY_LABEL_NAMES,
    RESERVED_LABEL_NAMES,
    ZONE_STATUSES,
    ZONED_METRIC_NAMES,
    LabelWarning,
    Metric,
    MetricType,
    TypoWarning,
    single_object_header,
)

UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
END_US = (datetime(2065, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
NOT_LABELS = RESERVED_LABEL_NAMES | QUALITY_LABEL_NAMES | ATTRIBUTE_LABEL_NAMES

unicode_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(str.strip)
hostile_text = st.one_of(
    unicode_text,
    st.sampled_from(
        ["", "\\,={}", "\x00", "a\n\nb", "🌍" * 50, "a" * 1900, "\ufeff", "\U0010ffff", "' OR 1=1 --", "true"]
    ),
)
label_names = st.one_of(
    st.sampled_from(["zone", "unit", "production_type", "from", "to", "year"]),
    unicode_text.filter(lambda name: bool(name) and name not in NOT_LABELS),
)
# Few, for what reads the metrics again asks name by name.
names = st.one_of(st.sampled_from(MetricType), st.sampled_from(["a", "z9", "a0_b1_c2_d3", "n" * 200]))
values = st.one_of(
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 16777217.0]),
)
microseconds = st.one_of(
    st.integers(0, END_US - 1),
    st.sampled_from([0, 1, 63, 64, 2**13 - 1, 2**13, 2**20, 2**27, 2**34, 2**48 - 1, 2**48, END_US - 1]),
)
qualities = st.fixed_dictionaries(
    {"valid": st.booleans(), "zone_status": st.sampled_from(ZONE_STATUSES), "data_state": unicode_text}
)


def fits(texts: dict[str, str]) -> bool:
    return sum(len(k.encode()) + len(v.encode()) for k, v in texts.items()) < 4090


texts = st.dictionaries(label_names, hostile_text, max_size=8).filter(fits)


@st.composite
def metrics(draw: st.DrawFn) -> Metric:
    name = draw(names)
    labels = draw(texts)
    if name in ZONED_METRIC_NAMES and not labels.get("zone"):
        labels["zone"] = "ES"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabelWarning)
        warnings.simplefilter("ignore", TypoWarning)
        return Metric(
            name,
            draw(values),
            EPOCH + timedelta(microseconds=draw(microseconds)),
            {**labels, **draw(qualities)},
            attributes=draw(texts),
        )


# Texts that are allowed, and that break what quotes, prints or logs carelessly.
TERMINAL_ORDERS = "\x1b]0;owned\x07\x1b[2J\x1b[31m\u202etxt\x9b1m\r\b\x00"
CARELESS = {
    "quotes": "'; DROP TABLE metrics; --",
    "backslashes": "\\'\\\\\\",
    "backticks": '`"); DROP TABLE ledger; --',
    "parameters": "{topic:String} %s %(a)s {0} ${HOME}",
    "line ends": "a\n{\"level\": \"error\", \"event\": \"a line of its own\"}\r\n",
    "orders": TERMINAL_ORDERS,
}  # fmt: skip


def wire(name: str = "zone_load", value: float = 1.0, **fields: object) -> bytes:
    """A record as its sender's own code writes it, by the schema and by no other rule."""
    body = BytesIO()
    record = {"name": name, "value": value, "timestamp": EPOCH + timedelta(days=20_000), "labels": {"zone": "ES"}}
    schema = fastavro.parse_schema(json.loads(METRIC_SCHEMA_JSON))
    defaults = {"knowledge_time": EPOCH + timedelta(days=20_000)}
    fastavro.schemaless_writer(body, schema, {**defaults, **record, **fields})
    return single_object_header(METRIC_FINGERPRINT) + body.getvalue()
