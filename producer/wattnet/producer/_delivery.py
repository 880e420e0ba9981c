"""Where one metric arrived."""

from __future__ import annotations

from dataclasses import dataclass, field

from wattnet.schemas import Metric, decode_metric


@dataclass(frozen=True, slots=True)
class Delivery:
    """One metric that the brokers acknowledged; it has its place in the topic.

    series_key  which series it belongs to
    topic       and the partition and offset in it, by which Kafka's tools and the tables' rows find it
    metric      the metric itself, with the knowledge_time that it was sent with
    """

    series_key: str
    topic: str
    partition: int
    offset: int
    value: bytes = field(repr=False, compare=False)
    """The message's value: header and record."""
    header_bytes: int = field(repr=False, compare=False)

    @property
    def metric(self) -> Metric:
        return decode_metric(self.value[self.header_bytes :])
