"""The label canon, the limits, the types' tables, and the suggestions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattnet.schemas import (
    ATTRIBUTE_LABEL_NAMES,
    LABELS_BY_TYPE,
    QUALITY_LABEL_NAMES,
    RESERVED_LABEL_NAMES,
    ZONED_METRIC_NAMES,
    LabelError,
    MetricType,
    ReservedLabelError,
    canonical_labels,
    suggest,
)

NOT_LABELS = RESERVED_LABEL_NAMES | QUALITY_LABEL_NAMES | ATTRIBUTE_LABEL_NAMES


def test_values_become_strings_once() -> None:
    assert canonical_labels({"b": True, "a": 2022, "c": "x", "d": False, "e": -1}) == {
        "a": "2022",
        "b": "true",
        "c": "x",
        "d": "false",
        "e": "-1",
    }


def test_absent_labels_are_left_out() -> None:
    assert canonical_labels({"a": None, "b": "", "c": 0}) == {"c": "0"}


def test_from_may_be_written_as_python_takes_it() -> None:
    assert canonical_labels({"from_": "FR", "to": "ES"}) == {"from": "FR", "to": "ES"}
    with pytest.raises(LabelError, match="give one"):
        canonical_labels({"from_": "FR", "from": "ES"})


@pytest.mark.parametrize("value", [1.0, b"x", ["a"], {"a"}, object(), np.int64(1), np.True_])
def test_other_types_are_refused(value: Any) -> None:
    with pytest.raises(LabelError, match="give a string, a bool or an int"):
        canonical_labels({"a": value})


@pytest.mark.parametrize("name", ["", 1, None, ("a",)])
def test_a_label_has_a_name(name: Any) -> None:
    with pytest.raises(LabelError, match="label name"):
        canonical_labels({name: "x"})


@pytest.mark.parametrize("name", sorted(NOT_LABELS - {"from_"}))
def test_names_that_mean_something_else_are_refused(name: str) -> None:
    with pytest.raises(ReservedLabelError, match=name):
        canonical_labels({name: "x"})


def test_at_most_64_labels() -> None:
    assert len(canonical_labels({f"l{n}": "x" for n in range(64)} | {"gone": None})) == 64
    with pytest.raises(LabelError, match="at most 64"):
        canonical_labels({f"l{n}": "x" for n in range(65)})


def test_at_most_4096_bytes_of_names_and_values() -> None:
    assert canonical_labels({"ab": "ü" * 2047})
    with pytest.raises(LabelError, match="4097 bytes"):
        canonical_labels({"a": "x" * 4096})
    with pytest.raises(LabelError, match=r"4098 bytes, at most 4096 .*'ab'"):
        canonical_labels({"ab": "ü" * 2048})


@pytest.mark.parametrize("labels", [{"a": "\ud800"}, {"\udfff": "a"}])
def test_lone_surrogates_are_no_text(labels: dict[str, str]) -> None:
    with pytest.raises(LabelError, match="surrogate"):
        canonical_labels(labels)


@given(
    st.dictionaries(
        st.text(min_size=1).filter(lambda t: t not in NOT_LABELS and t.isprintable()), st.text(max_size=20), max_size=8
    )
)
def test_the_order_is_that_of_the_bytes(labels: dict[str, str]) -> None:
    """ClickHouse sorts labels by their bytes in UTF-8 to make a series' id; Python by code point. Both agree."""
    canonical = canonical_labels({k: v.encode("utf-8", "ignore").decode() for k, v in labels.items()})
    assert list(canonical) == sorted(canonical, key=str.encode)
    assert canonical_labels(dict(reversed(canonical.items()))) == canonical


def test_sixteen_types_and_unknown_have_rules() -> None:
    assert len(MetricType) == 17
    assert set(LABELS_BY_TYPE) == set(MetricType)
    assert len(ZONED_METRIC_NAMES) == 15
    assert LABELS_BY_TYPE[MetricType.ZONE_IMPORT] >= {
        "from",
        "zone",
        "valid",
        "zone_status",
        "data_state",
        "datasource",
        "unit",
    }
    assert LABELS_BY_TYPE[MetricType.GLOBAL_SCORE] == {"scope", "valid", "zone", "zone_status"}


def test_a_type_reads_as_its_name() -> None:
    assert f"{MetricType.ZONE_LOAD}" == str(MetricType.ZONE_LOAD) == "zone_load"
    assert MetricType("zone_load") is MetricType.ZONE_LOAD
    assert {MetricType.ZONE_LOAD: 1}["zone_load"] == 1  # type: ignore[index]  # a member is its string


def test_suggests_what_was_probably_meant() -> None:
    assert suggest("zon", ["zone", "unit"]) == "zone"
    assert suggest("Zone", ["zone", "unit"]) == "zone"
    assert suggest("qqq", ["zone", "unit"]) is None
    assert suggest("zone", []) is None
