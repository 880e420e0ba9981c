"""When ClickHouse has what is in the topic: by the offsets that its feeder commits, so nobody asks ClickHouse.

A consumer commits a claim [first, next) of a partition before it inserts that range, and an empty one behind the last
range when nothing follows. Either way all before the committed offset is acknowledged by ClickHouse in every table.
(The ledger's row would not say so: tables are written one after the other.) ClickHouse's Kafka engine commits what its
views have written, in a group of its own: the consumers' commits name it while it is the feeder. A commit of a topic
that was deleted says nothing of the one that has its name now.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import TimeoutError as FutureTimeoutError  # the built-in one only since Python 3.11
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it does not list what it exports
    AdminClient,
    OffsetSpec,
)

from wattnet.producer._errors import VisibilityError, VisibilityTimeoutError
from wattnet.producer._logging import kafka_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

T = TypeVar("T")

_REQUEST_TIMEOUT_S = 10.0
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.5
_NAMED_PARTITIONS = 5
_EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]  # it ships no types for these
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # as above
_NEVER = frozenset(
    {
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.INVALID_GROUP_ID,
    }
)


class Visibility:
    """Questions about one topic and one group. Changes nothing, joins nothing.

    config     librdkafka's, with whatever the cluster wants beside its address
    timeout_s  what the caller gave, for the error
    """

    def __init__(self, config: Mapping[str, Any], *, topic: str, group_id: str, timeout_s: float | None) -> None:
        self._log = kafka_log(str(config["bootstrap.servers"]))
        self._admin = AdminClient(dict(config), logger=self._log)
        self._config = config
        self._asking: dict[str, Consumer] = {}
        self._topic = topic
        self._group_id = self._feeding = group_id
        self._timeout_s = timeout_s
        self._last_trouble = ""

    def wait(self, deadline: float | None) -> None:
        """Return when all that is in the topic now is stored; raises VisibilityError, VisibilityTimeoutError.

        deadline  of time.monotonic; None waits without end
        """
        behind: dict[int, tuple[int, int]] = {}
        pause_s = _FIRST_PAUSE_S
        topic_id, ends = self._insist(self._ends, deadline) or ("", None)
        if ends is not None:
            while True:
                found = self._insist(lambda: self._behind(topic_id, ends), deadline)
                if found is not None and not found:
                    return
                behind = found or behind
                left_s = _LONGEST_PAUSE_S if deadline is None else deadline - time.monotonic()
                if left_s <= 0:
                    break
                time.sleep(min(pause_s, left_s))
                pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)
        raise self._timed_out(behind)

    def close(self) -> None:
        for asking in self._asking.values():
            asking.close()

    def _insist(self, ask: Callable[[], T], deadline: float | None) -> T | None:
        """The answer, asked for until there is one; None when the time is over."""
        while True:
            try:
                return ask()
            except KafkaException as exc:
                error: KafkaError = exc.args[0]
                if error.code() in _NEVER:
                    raise VisibilityError(
                        f"Kafka does not tell this user how far group {self._feeding!r} is in {self._topic!r}: "
                        f"{error.str()}. It needs Describe on the topic and on the group"
                    ).caused_by(exc) from None
                self._last_trouble = error.str()
            except FutureTimeoutError:
                self._last_trouble = f"no answer within {_REQUEST_TIMEOUT_S:g} s"
            if deadline is not None and time.monotonic() >= deadline:
                return None
            time.sleep(_FIRST_PAUSE_S)

    def _ends(self) -> tuple[str, dict[int, int]]:
        """The topic's id, and where each partition ends."""
        # Who may not see the group is refused here; asked for its commits, librdkafka would look for its coordinator on
        # and on.
        self._members()
        described = self._admin.describe_topics(TopicCollection([self._topic]), request_timeout=_REQUEST_TIMEOUT_S)
        topic = described[self._topic].result(_REQUEST_TIMEOUT_S)
        return str(topic.topic_id), self._offsets((one.id for one in topic.partitions), "latest")

    def _behind(self, topic_id: str, ends: Mapping[int, int]) -> dict[int, tuple[int, int]]:
        """For each partition that is not there yet: how far it is, and its end."""
        self._feeding = self._group_id
        places = self._committed(self._group_id, topic_id, ends)
        reached = {one.partition: one.offset for one in places}
        if feeder := next(filter(None, (_said(one).get("feeder") for one in places)), None):
            self._feeding = f"{self._group_id}-{feeder}"
            for one in self._committed(self._feeding, topic_id, ends):
                reached[one.partition] = max(one.offset, reached.get(one.partition, 0))
        silent = [partition for partition, end in ends.items() if end and partition not in reached]
        # Of a partition that holds nothing any more a new group has nothing to commit.
        reached |= self._offsets(silent, "earliest")
        return {
            partition: (reached.get(partition, 0), end)
            for partition, end in ends.items()
            if reached.get(partition, 0) < end
        }

    def _committed(self, group_id: str, topic_id: str, partitions: Iterable[int]) -> list[TopicPartition]:
        """What a group has committed of this topic."""
        if group_id not in self._asking:
            # It only asks, and joins nothing. The admin client asks for commits, too, but librdkafka 2.16 ends the
            # process by SIGSEGV when the group's coordinator moves just then (OffsetFetch refreshes a group that it
            # does not have).
            self._asking[group_id] = Consumer(
                {**self._config, "group.id": group_id, "enable.auto.commit": False, "enable.auto.offset.store": False},
                logger=self._log,
            )
        wanted = [TopicPartition(self._topic, partition) for partition in partitions]
        places = self._asking[group_id].committed(wanted, timeout=_REQUEST_TIMEOUT_S)
        # Consumers write the topic's id into the commit, other feeders nothing.
        return [
            one
            for one in places
            if one.offset >= 0 and one.error is None and _said(one).get("topic_id", topic_id) == topic_id
        ]

    def _offsets(self, partitions: Iterable[int], which: str) -> dict[int, int]:
        spec = _LATEST if which == "latest" else _EARLIEST
        wanted = {TopicPartition(self._topic, partition): spec for partition in partitions}
        if not wanted:
            return {}
        answers = self._admin.list_offsets(wanted, request_timeout=_REQUEST_TIMEOUT_S)
        return {place.partition: answer.result(_REQUEST_TIMEOUT_S).offset for place, answer in answers.items()}

    def _members(self) -> int | None:
        """How many consumers the group has."""
        asked = self._admin.describe_consumer_groups([self._feeding], request_timeout=_REQUEST_TIMEOUT_S)
        try:
            return len(asked[self._feeding].result(_REQUEST_TIMEOUT_S).members)
        except KafkaException as exc:
            if exc.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return 0
            raise

    def _timed_out(self, behind: dict[int, tuple[int, int]]) -> VisibilityTimeoutError:
        group = f"group {self._feeding!r}"
        members: int | None = None
        with suppress(KafkaException, FutureTimeoutError):  # then Kafka does not say
            members = self._members() if behind else None
        if not behind:
            return VisibilityTimeoutError(
                f"whether ClickHouse has what is in {self._topic!r} could not be found out in {self._timeout_s:g} s: "
                f"Kafka does not tell how far {group} is ({self._last_trouble or 'no answer yet'})",
                behind={},
                members=None,
            )
        named = [f"{partition} ({at} of {end})" for partition, (at, end) in list(behind.items())[:_NAMED_PARTITIONS]]
        if len(behind) > _NAMED_PARTITIONS:
            named.append(f"and {len(behind) - _NAMED_PARTITIONS} more")
        if members == 0 and self._feeding != self._group_id:
            what_now = f"Nobody is in {group}: see `wattnet kafka-engine status`"
        elif members == 0:
            what_now = (
                f"Nobody consumes, {group} has no members: start `wattnet consume`, or name the group that does "
                "(group_id=…)"
            )
        elif members is None:
            what_now = f"Kafka does not tell who is in {group}: see `wattnet lag`"
        else:
            what_now = (
                f"{group} has {members} member{'s' if members > 1 else ''}, which may be slow or stand still: "
                "`wattnet lag` and `wattnet doctor` tell"
            )
        return VisibilityTimeoutError(
            f"not all of {self._topic!r} is in ClickHouse after {self._timeout_s:g} s. Partitions that are not there "
            f"yet, by offset: {', '.join(named)}. {what_now}",
            behind={partition: end - at for partition, (at, end) in behind.items()},
            members=members,
        )


def _said(place: TopicPartition) -> dict[str, Any]:
    """What is written in a commit's metadata; nothing where that is not ours."""
    try:
        said = json.loads(place.metadata or "")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
