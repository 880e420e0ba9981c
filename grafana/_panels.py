"""The kinds of panels, variables and links that the boards are made of, over Grafana's own SDK."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Literal

with warnings.catch_warnings():
    # The SDK recommends its second schema, which provisioning from files does not need.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import barchart, dashboard, stat, table, timeseries
from grafana_foundation_sdk.builders import common as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.runtime import UnknownDataquery
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    Steps: TypeAlias = Sequence[tuple[float, str]]

DATASOURCE_TYPE = "grafana-clickhouse-datasource"
DATASOURCE_UID = "wattnet-clickhouse"
PLUGIN_VERSION = "4.20.0"
TAG = "wattnet"
SOURCE = common.DataSourceRef(type_val=DATASOURCE_TYPE, uid=DATASOURCE_UID)

Shape = Literal["timeseries", "table"]
_FIELDS = {"timeseries": 0, "table": 1}


# Booleans go to the SDK by position: its builders have no other way.


class Sql(Builder[Dataquery]):
    """A query of the ClickHouse plugin, for which the SDK has no model."""

    def __init__(self, sql: str, shape: Shape = "timeseries", *, ref_id: str = "A") -> None:
        self._data = {
            "refId": ref_id,
            "datasource": {"type": DATASOURCE_TYPE, "uid": DATASOURCE_UID},
            "editorType": "sql",
            "queryType": shape,
            "format": _FIELDS[shape],
            "rawSql": sql,
            "pluginVersion": PLUGIN_VERSION,
        }

    def build(self) -> UnknownDataquery:
        """The query as it stands in a board's JSON."""
        return UnknownDataquery(self._data)


def thresholds(base: str, steps: Steps) -> dashboard.ThresholdsConfig:
    """`base` is the colour below the first step; each step colours what is at or above its value."""
    listed = [
        models.Threshold(value=None, color=base),
        *(models.Threshold(value=at, color=color) for at, color in steps),
    ]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(listed)


def over_time(title: str, sql: str, unit: str, *, about: str, width: int = 12, height: int = 9) -> timeseries.Panel:
    """Lines over time. What is named `… (preview)` is dashed; nulls are gaps."""
    dashed = [models.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [6, 6]})]
    return (
        timeseries.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .with_target(Sql(sql))
        .unit(unit)
        .span(width)
        .height(height)
        .line_width(1)
        .fill_opacity(5)
        .show_points(common.VisibilityMode.AUTO)
        .span_nulls(False)  # noqa: FBT003
        .override_by_regexp("/\\(preview\\)$/", dashed)
        .legend(build.VizLegendOptions().show_legend(True).placement(common.LegendPlacement.BOTTOM))  # noqa: FBT003
        .tooltip(build.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
    )


def limits(panel: timeseries.Panel, base: str, steps: Steps) -> timeseries.Panel:
    """Dashed lines at thresholds."""
    style = build.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
    return panel.thresholds(thresholds(base, steps)).thresholds_style(style)


def stacked(panel: timeseries.Panel, *, fill: int = 60) -> timeseries.Panel:
    """The lines on top of each other."""
    return panel.stacking(build.StackingConfig().mode(common.StackingMode.NORMAL)).fill_opacity(fill)


def bars(panel: timeseries.Panel) -> timeseries.Panel:
    """Stacked bars in the place of lines."""
    return stacked(panel.draw_style(common.GraphDrawStyle.BARS), fill=80)


def number(
    title: str, sql: str, unit: str, *, about: str, width: int = 4, base: str = "text", steps: Steps = ()
) -> stat.Panel:
    """One number."""
    return (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .with_target(Sql(sql, "table"))
        .unit(unit)
        .span(width)
        .height(4)
        .thresholds(thresholds(base, steps))
        .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
        .reduce_options(build.ReduceDataOptions().calcs(["lastNotNull"]).values(False))  # noqa: FBT003
    )


def rows(
    title: str, sql: str, *, about: str, units: dict[str, str] | None = None, width: int = 12, height: int = 9
) -> table.Panel:
    """A table; `units` by column."""
    panel = table.Panel().title(title).description(about).datasource(SOURCE).with_target(Sql(sql, "table"))
    panel = panel.span(width).height(height)
    for column, unit in (units or {}).items():
        panel = panel.override_by_name(column, [models.DynamicConfigValue("unit", unit)])
    return panel


def coloured(panel: table.Panel, column: str, unit: str, base: str, steps: Steps) -> table.Panel:
    """The cells of a column in the colours of thresholds."""
    listed = [{"value": None, "color": base}, *({"value": at, "color": color} for at, color in steps)]
    properties = [
        models.DynamicConfigValue("unit", unit),
        models.DynamicConfigValue("thresholds", {"mode": "absolute", "steps": listed}),
        models.DynamicConfigValue("custom.cellOptions", {"type": "color-background"}),
    ]
    return panel.override_by_name(column, properties)


def linked(panel: table.Panel) -> table.Panel:
    """The cells of the column Zone lead to that zone's board, over the same range of time."""
    link = {"title": "This zone", "url": "/d/wattnet-zone?var-zone=${__value.raw}&${__url_time_range}"}
    return panel.override_by_name("Zone", [models.DynamicConfigValue("links", [link])])


def by_category(title: str, sql: str, unit: str, *, about: str, width: int = 12, height: int = 9) -> barchart.Panel:
    """Bars, one for each row; the first column names it."""
    panel = barchart.Panel().title(title).description(about).datasource(SOURCE).with_target(Sql(sql, "table"))
    return panel.unit(unit).span(width).height(height)


def variable(name: str, label: str, sql: str, *, several: bool = False) -> dashboard.QueryVariable:
    """A choice among what ClickHouse answers when the board is opened; `several`: with All."""
    one = dashboard.QueryVariable(name).label(label).query(sql).definition(sql).datasource(SOURCE)
    one = one.refresh(models.VariableRefresh.ON_DASHBOARD_LOAD).sort(models.VariableSort.DISABLED)
    return one.multi(several).include_all(several)


def board(uid: str, title: str, about: str, *, since: str, refresh: str = "1m") -> dashboard.Dashboard:
    """An empty board that links to all the others, in UTC, as the roll-up's days are."""
    link = dashboard.DashboardLink("Boards").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(about)
        .tags([TAG])
        .timezone("utc")
        .readonly()
        .time(since, "now")
        .refresh(refresh)
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(link.include_vars(True).keep_time(True))  # noqa: FBT003
    )


def moment(name: str, label: str) -> dashboard.TextBoxVariable:
    """A moment that one types, as ClickHouse reads it."""
    return dashboard.TextBoxVariable(name).label(label).default_value("2026-01-01 00:00:00")
