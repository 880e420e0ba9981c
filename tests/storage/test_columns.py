"""Lists of metrics as columns: each row has the series that its metric has by itself, whatever stands beside it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest

from wattnet.storage._columns import ColumnReader
from wattnet.storage._series import sample
from wattnet.storage.models import Metric

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
ES = {"zone": "ES", "valid": True}


@pytest.mark.parametrize(
    "labels",
    [
        [ES, {"zone": "FR", "valid": True}, {"valid": True, "zone": "ES"}],
        [{"zone": "ES", "scope": 1}, {"zone": "ES", "scope": True}, {"zone": "ES", "scope": "1"}],
        [{"zone": "ES", "scope": 1}, {"zone": "ES", "scope": 1.0}],
        [ES, {"zone": "ES", "valid": 1}],
        [{"zone": "ES", "unit": "MW"}, {"zone": np.str_("ES"), "unit": "MW"}],
        [ES, {"zone": "ES", "unit": "MW"}, {"zone": "ES", "unit": None}, {"zone": "ES"}],
        [ES, {"zone": ["ES"], "valid": True}, ES],
        [ES, {"zone": "", "valid": True}, ES],
        [ES, {**ES, "unit": "MW"}],
        [{}, {"zone": "ES"}],
    ],
)
def test_a_row_has_its_own_series(labels: list[dict[str, Any]]) -> None:
    reader = ColumnReader()
    for name in ("zone_load", "zone_load", "factor"):  # the second time the series are known
        metrics = [Metric(name, 1.0, NOW, one) for one in labels]
        alone = [read(ColumnReader(), [one])[0] for one in metrics]
        assert read(reader, metrics) == alone


def read(reader: ColumnReader, metrics: list[Metric]) -> list[object]:
    """Of each metric the series, or the reason why it is refused."""
    columns, failures = reader.read(metrics)
    said: dict[int, object] = {failure.position: failure.reason for failure in failures}
    for row, place in zip(columns.position.tolist(), columns.place.tolist(), strict=True):
        said[row] = columns.series[place]
    return [said[row] for row in range(len(metrics))]


def test_names_tell_series_apart() -> None:
    names = ["zone_load", "zone_import", "zone_load"]
    assert read(ColumnReader(), [Metric(name, 1.0, NOW, ES) for name in names]) == [sample(name, ES) for name in names]
