"""Alert rules as Grafana provisions them: https://grafana.com/docs/grafana/latest/alerting/set-up/provision-alerting-resources/."""

from __future__ import annotations

from typing import Any

from grafana._panels import DATASOURCE_UID, Sql
from grafana._sources import ABSENT_S, DELAY_S, REFUSED_SHARE, STALE_S
from grafana.pipeline import DELAYS


def alerts() -> dict[str, Any]:
    """The file. Where notifications go is said in Grafana: these rules name no contact point."""
    rules = [
        _rule(
            "wattnet-stale-zone",
            "A zone is stale",
            # What was stale for a month has ended.
            "SELECT s.zone AS zone, toFloat64(dateDiff('second', max(s.last_timestamp), now())) AS age FROM "
            "series AS s "
            "WHERE s.name IN ('zone_load', 'zone_generation') AND s.labels['forecast'] = '' GROUP BY zone "
            "HAVING age < 30 * 86400",
            above=STALE_S,
            after="15m",
            panel=("wattnet-overview", 8),
            summary="Nothing newer than six hours of zone {{ $labels.zone }}",
        ),
        _rule(
            "wattnet-lag",
            "Values arrive late",
            f"SELECT quantile(0.5)({DELAYS}) AS delay FROM metrics AS m "
            "WHERE m.stored_at >= $__fromTime AND m.stored_at <= $__toTime HAVING count() > 0",
            above=DELAY_S,
            after="10m",
            panel=("wattnet-pipeline", 8),
            summary="Half of what was stored in 15 minutes had been known for over five: consumers lag, or "
            "history is loaded",
        ),
        _rule(
            "wattnet-refused",
            "Messages are refused",
            "SELECT sum(l.refused) / sum(l.messages) AS share FROM ledger AS l "
            "WHERE l.stored_at >= $__fromTime AND l.stored_at <= $__toTime HAVING sum(l.messages) > 0",
            above=REFUSED_SHARE,
            after="0s",
            panel=("wattnet-pipeline", 9),
            summary="More than one message in a hundred became a dead letter in the last 15 minutes",
        ),
        _rule(
            "wattnet-consumer-absent",
            "No consumer stores anything",
            "SELECT toFloat64(dateDiff('second', max(l.stored_at), now64(3))) AS age FROM ledger AS l HAVING "
            "count() > 0",
            above=ABSENT_S,
            after="5m",
            panel=("wattnet-pipeline", 1),
            summary="Nothing was stored for 15 minutes: consumers are away, stopped by a breaker, or nothing is "
            "published",
        ),
    ]
    group = {"orgId": 1, "name": "wattnet", "folder": "Wattnet", "interval": "1m", "rules": rules}
    return {"apiVersion": 1, "groups": [group]}


def _rule(
    uid: str, title: str, sql: str, *, above: float, after: str, panel: tuple[str, int], summary: str
) -> dict[str, Any]:
    """One that fires for each row above the threshold, when that lasts for `after`."""
    asked = {
        "refId": "A",
        "relativeTimeRange": {"from": 900, "to": 0},
        "datasourceUid": DATASOURCE_UID,
        "model": Sql(sql, "table").build().to_json(),
    }
    held = {
        "refId": "B",
        "relativeTimeRange": {"from": 0, "to": 0},
        "datasourceUid": "__expr__",
        "model": {
            "refId": "B",
            "type": "threshold",
            "expression": "A",
            "datasource": {"type": "__expr__", "uid": "__expr__"},
            "conditions": [{"evaluator": {"type": "gt", "params": [above]}}],
        },
    }
    return {
        "uid": uid,
        "title": title,
        "condition": "B",
        "for": after,
        "noDataState": "OK",  # each asks for what is wrong: no rows say that nothing is
        "execErrState": "Error",
        "annotations": {"summary": summary, "__dashboardUid__": panel[0], "__panelId__": str(panel[1])},
        "labels": {"service": "wattnet"},
        "data": [asked, held],
    }
