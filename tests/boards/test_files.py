"""The boards' files are those that the code writes, and whole: ids, places, links, variables."""

from __future__ import annotations

import importlib.util
import re
from datetime import datetime, timezone
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from grafana.expansion import GRAFANA, VARIABLE, boards, expanded, queries, rules

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = {"type": "grafana-clickhouse-datasource", "uid": "wattnet-clickhouse"}


@pytest.mark.skipif(importlib.util.find_spec("grafana_foundation_sdk") is None, reason="the SDK needs Python 3.11")
def test_the_files_are_what_the_code_writes() -> None:
    from grafana.__main__ import written

    stale = [path.name for path, text in written().items() if not path.is_file() or path.read_text() != text]
    assert stale == [], "run `python -m grafana`"
    assert {path for path in written() if path.suffix == ".json"} == set((GRAFANA / "dashboards").glob("*.json"))


@pytest.mark.skipif(importlib.util.find_spec("grafana_foundation_sdk") is None, reason="the SDK needs Python 3.11")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_sdk_reads_them_back() -> None:
    import json

    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    for board in boards().values():
        read = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
        for link in read["links"]:
            del link["placement"]
        assert read == board


def test_five_boards_with_ids_of_their_own_that_do_not_overlap() -> None:
    assert set(boards()) == {f"wattnet-{one}" for one in ("overview", "zone", "compare", "revisions", "pipeline")}
    for board in boards().values():
        assert board["schemaVersion"] >= 39
        panels = board["panels"]
        assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
        assert all(panel["description"].endswith((".", "above.")) for panel in panels)
        cells = [(panel["title"], set(covered(panel["gridPos"]))) for panel in panels]
        assert [(a[0], b[0]) for a, b in combinations(cells, 2) if a[1] & b[1]] == []
        assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def covered(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    return (
        (x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])
    )


def test_variables_exist_and_are_used() -> None:
    for uid, board in boards().items():
        known = {variable["name"] for variable in board["templating"]["list"]}
        used = {name for asked in queries() if asked.board == uid for name, _ in VARIABLE.findall(asked.sql)}
        assert used == known, uid


def test_links_lead_to_boards_and_their_variables() -> None:
    found = boards()
    for board in found.values():
        assert [link["tags"] for link in board["links"]] == [["wattnet"]]
        assert "wattnet" in board["tags"]
        for uid, names in re.findall(r'"/d/([\w-]+)\?([^"]*)"', str(board).replace("'", '"')):
            variables = {variable["name"] for variable in found[uid]["templating"]["list"]}
            assert set(re.findall(r"var-(\w+)=", names)) <= variables
    notes = {rule["uid"]: rule["annotations"] for rule in rules()}
    shown = {
        uid: next(
            one["title"] for one in found[note["__dashboardUid__"]]["panels"] if str(one["id"]) == note["__panelId__"]
        )
        for uid, note in notes.items()
    }
    assert shown == {
        "wattnet-stale-zone": "Freshness by zone",
        "wattnet-lag": "From known to stored",
        "wattnet-refused": "Refused, by reason",
        "wattnet-consumer-absent": "Since the last insert",
    }


def test_everything_asks_the_one_data_source() -> None:
    assert {str(source) for board in boards().values() for source in named("datasource", board)} == {str(SOURCE)}
    provisioned = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "clickhouse.yaml").read_text())
    (source,) = provisioned["datasources"]
    assert {"type": source["type"], "uid": source["uid"]} == SOURCE
    wanted = {"HOST", "PORT", "READER_USER", "READER_PASSWORD", "DATABASE"}
    assert set(re.findall(r"\$CLICKHOUSE_(\w+)", str(source))) == wanted
    assert {one["datasourceUid"] for rule in rules() for one in rule["data"]} == {SOURCE["uid"], "__expr__"}
    (provider,) = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "wattnet.yaml").read_text())["providers"]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"


def named(key: str, value: Any) -> Iterator[Any]:
    """All that stands under a key, at any depth."""
    if isinstance(value, dict):
        yield from (found for name, found in value.items() if name == key)
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from named(key, one)


def test_macros_as_the_plugin_documents_them() -> None:
    start, end = datetime(2014, 11, 8, tzinfo=timezone.utc), datetime(2014, 11, 9, tzinfo=timezone.utc)
    sql = (
        "SELECT $__timeInterval(t.a) WHERE $__timeFilter(t.a) AND z IN (${z:singlequote}) AND $__interval_s > 1 "
        "AND a < $__toTime"
    )
    assert expanded(sql, start, end, points=864, variables={"z": ["A", "it's"]}) == (
        "SELECT toStartOfInterval(toDateTime(t.a), INTERVAL 100 second) "
        "WHERE t.a >= toDateTime(1415404800) AND t.a <= toDateTime(1415491200) AND z IN ('A','it\\'s') AND 100 > 1 "
        "AND a < toDateTime(1415491200)"
    )
