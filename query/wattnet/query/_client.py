"""The client: what is asked about metrics, and of which database."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from wattnet.clickhouse import ClickHouseSettings
from wattnet.query._changed import changed_since
from wattnet.query._database import Database
from wattnet.query._discovery import labels, names
from wattnet.query._errors import FilterError, UnknownNameError
from wattnet.query._filters import Filters, label_name
from wattnet.query._follow import follow
from wattnet.query._query import Query
from wattnet.query._question import Question
from wattnet.query._series import find_series, find_values
from wattnet.query._times import NOW, bounds, now_us, zone
from wattnet.schemas import MetricType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from types import TracebackType

    from wattnet.query._balance import Comparison
    from wattnet.query._changed import Revised
    from wattnet.query._findings import BalanceInterval, ExchangeInterval, ForecastAccuracy
    from wattnet.query._follow import Follow
    from wattnet.query._series import Series
    from wattnet.query._table import Table


class Client:
    """Reads metrics out of ClickHouse. Threads may share one; it connects with the first question.

    url       `http[s]://[user[:password]@]host[:port][/database]`; without one it is read from the environment or
              `.env`: CLICKHOUSE_HOST (localhost), _PORT, _USER, _PASSWORD, _DATABASE, _SECURE and the others
    database, user, password  win over those in the URL or the environment
    tz        the zone of dates ("2025-03-01" is its midnight there), of times without an offset ("2025-03-01 06:00")
              and of the times in frames: Europe/Madrid. Without one dates and frames are in UTC, and times without an
              offset are refused
    timeout_s  how long one read may take, in seconds; then it is ended with a TimeLimitError
    max_rows  how many rows one read may bring into memory; a larger answer is a RowLimitError, never a part of it.
              Reading row by row or in batches has no such limit

    A read that finds ClickHouse away or too busy is tried again a few times within some two seconds.
    Labels are given by name (`zone="ES"`, `production_type=["solar", "wind"]`): equality, and for a list, tuple or set
    any one of its values; None means that a series does not have the label (`forecast=None`: no forecasts). `from_`
    stands for the label `from`. So are valid, zone_status and data_state, which select
    among current values. A metric name or label that is not stored is an error with a suggestion; a value that no
    series has for a label (a zone without data yet) finds nothing, with an UnknownValueWarning that suggests another
    or says what there is.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        database: str | None = None,
        user: str | None = None,
        password: str | None = None,
        tz: str | None = None,
        timeout_s: float = 60.0,
        max_rows: int = 10_000_000,
    ) -> None:
        given: dict[str, Any] = {"database": database, "user": user}
        given = {field: text for field, text in given.items() if text is not None}
        if password is not None:
            given["password"] = SecretStr(password)
        if url is None:
            settings = ClickHouseSettings(**given)
        else:
            settings = ClickHouseSettings.from_url(url).model_copy(update=given)
        self._database = Database(settings, timeout_s=timeout_s, max_rows=max_rows)
        self._zone = None if tz is None else zone(tz)

    @classmethod
    def from_env(cls, *, tz: str | None = None, timeout_s: float = 60.0, max_rows: int = 10_000_000) -> Client:
        """A client for what the environment says: the same as one without `url`."""
        return cls(tz=tz, timeout_s=timeout_s, max_rows=max_rows)

    def metrics(
        self,
        /,
        name: str,
        *,
        start: datetime | date | str,
        end: datetime | date | str | None = None,
        as_of: datetime | date | str | None = None,
        **labels: object,
    ) -> Query:
        """The current values of all matching series with `start` <= timestamp < `end`.

        Times are aware datetimes, ISO 8601 with an offset ("2025-03-01T00:00Z"), dates ("2025-03-01": its beginning in
        the client's tz), "now", or relative to the moment of reading ("-6h", "-1d", "+2d"; a day is 24 hours). If the
        client has a tz, a time without an offset ("2025-03-01 06:00", a naive datetime) is one of its clock.
        Without `end` it is now: forecasts, whose timestamps lie ahead, need one.

        Current is the value of best quality (valid before invalid, then complete before preview before missing), among
        these the newest; a retracted point has none. With `as_of` it is what was current then: only what was known at
        that moment counts.

        Raises TimeError and FilterError (both ValueError) at once; the rest when the answer is read.
        """
        return Query(self._database, self._range(name, start, end, as_of, labels))

    def latest(self, /, name: str, **labels: object) -> Query:
        """The newest current value of every matching series: one row each, read like `metrics`.

        Forecasts do not count unless the label `forecast` is given, for their newest value lies ahead of now. A series
        of which everything is retracted has none.
        """
        return Query(self._database, self._question(name, labels).refined(newest=True))

    def follow(
        self,
        /,
        name: str,
        *,
        start: datetime | date | str | None = None,
        resume: str | None = None,
        poll_interval_s: float = 1.0,
        **labels: object,
    ) -> Follow:
        """First the values that are current from `start` on, then every change of them as it lands, without end.

            for change in wattnet.follow("zone_load", zone="ES", start="-1d", resume=stored_token):
                work(change.metric)
                store(change.token)

        It polls ClickHouse every `poll_interval_s` seconds; Kafka is not asked. A change is what one insert made of a
        point: a value that appeared, was revised or withdrawn, also in a series that is new. Revisions that do not
        win (a late preview, an older knowledge_time) change nothing and are not given; history() has them.

        The order is that of arrival; in the snapshot, and within an insert, by series, then by time. Each change is
        given once, and `resume=change.token` goes on behind it, with the same name and labels, from the same start on;
        so whoever stores the token with what he made of the change misses nothing and has nothing twice. Only a
        revision that was itself stored twice (sent again under its knowledge_time) is given again. Timestamps ahead of
        now belong to it; qualities cannot be filters.

        Raises TimeError, FilterError and ResumeError at once; iterating raises them too, UnknownNameError and
        UnknownLabelError, SchemaTooOldError, and ClickHouseUnavailableError when it does not answer at first.
        """
        first = None if start is None else self._question(name, labels).moment(start, argument="start")
        return follow(
            self._database,
            _name(name),
            Filters.parse(labels),
            start=first,
            resume=resume,
            poll_interval_s=poll_interval_s,
        )

    def balance(
        self,
        /,
        zone: str,
        start: datetime | date | str,
        end: datetime | date | str | None = None,
        *,
        step: str = "1h",
        tz: str | None = None,
        fill: str | float | None = None,
        as_of: datetime | date | str | None = None,
        **labels: object,
    ) -> Table[BalanceInterval]:
        """Generation + import - export compared with load, in MWh in each interval of the range.

            client.balance("ES", "2025-03-01", "2025-03-02", datasource="entsoe").to_pandas()

        step, fill      as in `Query.resample`: each series' energy is what its `resample(step, "energy")` says
        tz              of the days, and of dates and times without an offset; the client's unless given
        labels          of all four metrics; needed where there are several datasources, or one series in several units

        All series of zone_generation, zone_load, zone_import and zone_export of the zone count, forecasts only if the
        label `forecast` is given.
        Series without any value in the range count for nothing; where one that has some lacks them, the sum is None,
        and `missing` says how many do. Without any series of imports (exports) they are 0.

        Source: the energy balance of a control area, sum of generation and net imports = consumption with losses
        (Eurostat, "Energy balance guide"; the residual is its "statistical difference").

        Raises QuestionError where datasources or units would be summed twice, or without any generation or load.
        """
        return self._comparison(start, end, step, tz, fill, as_of, labels).balance(zone)

    def exchange(
        self,
        /,
        a: str,
        b: str,
        start: datetime | date | str,
        end: datetime | date | str | None = None,
        *,
        step: str = "1h",
        tz: str | None = None,
        fill: str | float | None = None,
        as_of: datetime | date | str | None = None,
        **labels: object,
    ) -> Table[ExchangeInterval]:
        """What flowed between two zones as each of them has it, in MWh: a row an interval and direction.

        From `a` to `b` it is zone_export{zone=a, to=b} beside zone_import{zone=b, from=a}, and the other way round.
        A side without value is None, an interval with none at all is left out. The arguments are those of `balance`.

        Raises QuestionError where datasources or units would be summed twice, or when no series is of this border.
        """
        return self._comparison(start, end, step, tz, fill, as_of, labels).exchange(a, b)

    def forecast_error(
        self,
        /,
        name: str,
        *,
        start: datetime | date | str,
        end: datetime | date | str | None = None,
        lead_step: str = "1h",
        as_of: datetime | date | str | None = None,
        **labels: object,
    ) -> Table[ForecastAccuracy]:
        """How far forecasts were from what happened, by lead time: a row a forecast series and lead time.

        A forecast series has the label `forecast`; what happened is the series with the same labels without it (and,
        if there is none of the same datasource, the only one of another). Every revision of a forecast counts, also
        one that was replaced later; its lead time is timestamp - knowledge_time, in steps of `lead_step` (negative for
        what was said afterwards). What happened is the current value, or the one `as_of` a moment.

        Equal steps are compared: a value of an hour with the mean of the twelve of 5 minutes in it, weighted by time
        (with their sum where the unit is one of energy). Where actual values do not fill a forecast's interval exactly,
        or have longer steps, it is counted as `unpaired`, and an UnpairedForecastWarning says how many are. What lies
        ahead of the last actual value does not count. A value stands until the next step of its series: its attribute
        `resolution`, else the most frequent gap around it.

        With the errors e = forecast - actual of n pairs: bias = sum(e) / n, MAE = sum(|e|) / n and
        RMSE = sqrt(sum(e^2) / n), in the unit of the series. Source: Jolliffe and Stephenson (eds.), "Forecast
        Verification", 2nd edition (2012), chapter 5.

        Raises QuestionError when no forecast matches, or one has no actual series (or several) to be compared with.
        """
        from wattnet.query._forecasts import forecast_accuracy

        return forecast_accuracy(self._database, self._range(name, start, end, as_of, labels), lead_step)

    def changed_since(
        self,
        /,
        t: datetime | date | str,
        name: str,
        *,
        start: datetime | date | str | None = None,
        end: datetime | date | str | None = None,
        **labels: object,
    ) -> Table[Revised]:
        """The points whose current value is not what it was at `t`: what it was then, what it is now, by how much.

            wattnet.changed_since("-1d", "zone_generation", zone="ES").to_pandas()

        It goes by arrival (`stored_at`, by ClickHouse's clock): what had been stored before `t` against all that is
        stored. So a value of last year that arrived today has changed since yesterday, whatever its knowledge_time is.
        A revision that confirms the value, or does not win, changes nothing. Without `start` and `end` all timestamps
        count, those ahead of now too. A revision that was sent again under its knowledge_time replaced the older copy
        and counts by its own arrival. Rows stand by series, then by time; their times are in the client's tz.

        Raises TimeError and FilterError, UnknownNameError and UnknownLabelError, and what reading raises.
        """
        question = self._question(name, labels)
        since = question.moment(t, argument="t")
        first = None if start is None else question.moment(start, argument="start")
        after = None if end is None else question.moment(end, argument="end")
        if first is not None and after is not None:
            bounds(first, after, now_us=now_us())
        return changed_since(
            self._database,
            since,
            question.name,
            question.filters,
            start=first,
            end=after,
            zone=question.day_zone,
        )

    def names(self) -> list[str]:
        """Every metric name under which something is stored, sorted."""
        return names(self._database)

    def labels(self, name: str) -> list[str]:
        """The names of all labels that any series of this name has, sorted. Raises UnknownNameError."""
        return labels(self._database, _name(name))

    def label_values(self, /, name: str, label: str, **labels: object) -> list[str]:
        """The values of `label` among the matching series, sorted; `from_` stands for the label `from`.

        Raises UnknownNameError and UnknownLabelError.
        """
        return find_values(self._database, _name(name), label_name(label), _only_labels(labels))

    def series(self, /, name: str, **labels: object) -> list[Series]:
        """The matching series with their labels, extent and attributes, by zone, then by the other labels.

        Raises UnknownNameError and UnknownLabelError.
        """
        return find_series(self._database, _name(name), _only_labels(labels))

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _range(
        self,
        name: str,
        start: datetime | date | str,
        end: datetime | date | str | None,
        as_of: datetime | date | str | None,
        labels: Mapping[str, object],
        tz: str | None = None,
    ) -> Question:
        question = self._question(name, labels, tz)
        first = question.moment(start, argument="start")
        after = NOW if end is None else question.moment(end, argument="end")
        bounds(first, after, now_us=now_us())
        known = None if as_of is None else question.moment(as_of, argument="as_of")
        return replace(question, start=first, end=after, as_of=known)

    def _question(self, name: str, labels: Mapping[str, object], tz: str | None = None) -> Question:
        return Question(_name(name), Filters.parse(labels), self._zone if tz is None else zone(tz))

    def _comparison(
        self,
        start: datetime | date | str,
        end: datetime | date | str | None,
        step: str,
        tz: str | None,
        fill: str | float | None,
        as_of: datetime | date | str | None,
        labels: Mapping[str, object],
    ) -> Comparison:
        from wattnet.query._balance import Comparison
        from wattnet.query._resampling import Resampling

        # The name is each comparison's own.
        question = self._range(MetricType.ZONE_LOAD, start, end, as_of, labels, tz)
        resampling = Resampling.parse(step, "energy", zone=question.day_zone, fill=fill)
        return Comparison(self._database, question.refined(resampling=resampling).fixed(), resampling)

    def __repr__(self) -> str:
        settings = self._database.settings
        return f"<Client {settings.address}/{settings.database}>"


def _only_labels(given: Mapping[str, object]) -> Mapping[str, tuple[str, ...]]:
    filters = Filters.parse(given)
    for quality in filters.quality:
        raise FilterError(f"{quality!r} tells values apart, not series: leave it out here, and give it to metrics()")
    return filters.labels


def _name(given: object) -> str:
    if not isinstance(given, str) or not given:
        raise UnknownNameError(
            f"{given!r} is no metric name: give one, such as 'zone_load' or MetricType.ZONE_LOAD; "
            "names() lists what is stored"
        )
    return str.__str__(given)
