"""What Grafana and its ClickHouse plugin make of a query before it is sent: for tests and benchmarks of the boards."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

GRAFANA = Path(__file__).parent
VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A query of a panel, a variable or an alert rule."""

    board: str
    what: str
    sql: str


def boards() -> dict[str, dict[str, Any]]:
    """The boards as Grafana reads them, by uid."""
    read = (json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards").glob("*.json")))
    return {board["uid"]: board for board in read}


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    text = (GRAFANA / "provisioning" / "alerting" / "rules.yaml").read_text()
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def queries() -> Iterator[Asked]:
    """All of them."""
    for uid, board in boards().items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield Asked(uid, panel["title"], target["rawSql"])
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                yield Asked(uid, f"${variable['name']}", variable["query"])
    for rule in rules():
        yield Asked("alerts", rule["title"], rule["data"][0]["model"]["rawSql"])


def expanded(sql: str, start: datetime, end: datetime, *, points: int = 500, variables: Mapping[str, list[str]]) -> str:
    """The text that ClickHouse gets: variables by Grafana, macros by the plugin.

    By the plugin's documentation, https://grafana.com/docs/plugins/grafana-clickhouse-datasource/latest/query-editor/:
    times are DateTimes of whole seconds, an interval has at least one.
    """
    bounds = {"fromTime": f"toDateTime({int(start.timestamp())})", "toTime": f"toDateTime({int(end.timestamp())})"}
    interval_s = max(int((end - start).total_seconds() / points), 1)

    def one(match: re.Match[str]) -> str:
        name, style = match.groups()
        if style != "singlequote":
            raise ValueError(f"{match[0]} is not quoted: write ${{{name}:singlequote}}")
        return ",".join("'" + value.replace("'", "\\'") + "'" for value in variables[name])

    def macro(match: re.Match[str]) -> str:
        name, column = match.groups()
        if name == "timeFilter":
            return f"{column} >= {bounds['fromTime']} AND {column} <= {bounds['toTime']}"
        if name != "timeInterval":
            raise ValueError(f"{match[0]} is not expanded here: add it")
        return f"toStartOfInterval(toDateTime({column}), INTERVAL {interval_s} second)"

    sql = re.sub(r"\$__(\w+)\(([\w.`]+)\)", macro, VARIABLE.sub(one, sql))
    for name, text in {**bounds, "interval_s": str(interval_s)}.items():
        sql = sql.replace(f"$__{name}", text)
    if "$" in sql:
        raise ValueError(f"not all of it was expanded: {sql}")
    return sql
