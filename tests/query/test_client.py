"""The client itself: where it connects, what it says when it cannot, and that threads may share it."""

from __future__ import annotations

import socket
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, ClassVar

import polars as pl
import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from wattnet.clickhouse import ClickHouseSettings, connect
from wattnet.query import AnswerError, AsyncClient, ClickHouseUnavailableError, Client, DatabaseMissingError, QueryError
from wattnet.schemas import Metric

if TYPE_CHECKING:
    from direct_writer import DirectWriter

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def test_from_env(
    store: DirectWriter, database: ClickHouseSettings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables that everyone uses."""
    store.put(Metric(name, 1.0, T0, {"zone": "ES"}))
    for variable, value in {
        "HOST": database.host, "PORT": str(database.port), "DATABASE": database.database, "USER": "default",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"CLICKHOUSE_{variable}", value)
    for made in (Client.from_env(), Client()):
        with made as client:
            assert [metric.value for metric in client.latest(name).to_list()] == [1.0]
            assert repr(client) == f"<Client {database.address}/{database.database}>"


def test_a_client_without_a_url_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the error about a missing database says; an argument wins over it, and a URL leaves it out."""
    for variable, value in {"HOST": "example.org", "DATABASE": "ours", "USER": "reader", "SECURE": "true"}.items():
        monkeypatch.setenv(f"CLICKHOUSE_{variable}", value)
    for kind in (Client, lambda **given: AsyncClient(**given)._blocking):
        assert repr(kind()) == "<Client https://example.org:8443/ours>"
        assert repr(kind(database="mine")) == "<Client https://example.org:8443/mine>"
        assert (kind()._database.settings.user, kind(user="me")._database.settings.user) == ("reader", "me")
        assert repr(kind(url="http://localhost:8123")) == "<Client http://localhost:8123/wattnet>"
    assert repr(AsyncClient.from_env(tz="UTC")._blocking) == "<Client https://example.org:8443/ours>"


@pytest.mark.parametrize("tz", [None, "UTC", "Europe/Madrid"])
def test_frames_are_in_the_clients_zone(store: DirectWriter, database: ClickHouseSettings, name: str, tz: str) -> None:
    """Raw ones as resampled ones, each of their times, in every form; Metrics are in UTC."""
    store.put(Metric(name, 1.0, T0, {"zone": "ES"}, knowledge_time=T0 + HOUR))
    with Client(database.address, database=database.database, tz=tz) as client:
        raw = client.metrics(name, start=T0, end=T0 + HOUR)
        for query in (raw, raw.resample("1h"), raw.resample("1h", "max", fill="zero"), raw.history()):
            pandas, polars, arrow = query.to_pandas(), query.to_polars(), query.to_arrow()
            for column, moment in (("timestamp", T0), ("knowledge_time", T0 + HOUR)):
                assert str(pandas[column].dt.tz) == (tz or "UTC")
                assert polars.schema[column] == pl.Datetime("us", tz or "UTC")
                assert arrow.schema.field(column).type.tz == (tz or "UTC")
                assert pandas[column][0] == polars[column][0] == arrow[column][0].as_py() == moment
            [batch] = query.iter_batches()
            assert batch.schema == arrow.schema
        assert raw.to_polars(wide=True).schema["timestamp"] == pl.Datetime("us", tz or "UTC")
        assert raw.to_list()[0].timestamp.tzinfo is timezone.utc


def test_arguments_win_over_the_url() -> None:
    """Credentials may stand in either, and never show."""
    url = "https://reader:secret@example.org/other"
    client = Client(url, database="mine", user="me", password="mine, too")  # noqa: S106  nobody's
    settings = client._database.settings
    assert (settings.user, settings.password.get_secret_value(), settings.database) == ("me", "mine, too", "mine")
    assert repr(client) == "<Client https://example.org:8443/mine>"
    assert Client("https://example.org/other")._database.settings.database == "other"
    assert Client()._database.settings.database == "wattnet"
    with pytest.raises(ValueError, match="HTTP interface"):
        Client("localhost:9000")


def test_a_server_that_is_away_is_named() -> None:
    """At the first question, not when the client is made."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}") as client, pytest.raises(ClickHouseUnavailableError) as refused:
        client.names()
    assert f"http://127.0.0.1:{port}" in str(refused.value)


def test_a_server_that_goes_away_is_named_without_the_drivers_text(client: Client) -> None:
    """The driver's text is a URL with every parameter of the query in it."""

    class Gone:
        server_settings: ClassVar[dict[str, object]] = {}

        def query(self, *_: object, **__: object) -> None:
            raise OperationalError("HTTPConnectionPool(…): Max retries exceeded with url: /?param_zones=…")

    lost = Client(client._database.settings.address)
    lost._database._driver = Gone()  # type: ignore[assignment]  # a driver whose server has gone
    with pytest.raises(ClickHouseUnavailableError, match=r"no answer from ClickHouse at http://127") as refused:
        lost.names()
    assert "param_" not in str(refused.value)
    assert isinstance(refused.value.cause, OperationalError)


def test_missing_tables_name_the_remedy(database: ClickHouseSettings) -> None:
    """A database that is not there, and one that is empty."""
    empty = f"empty_{uuid.uuid4().hex[:8]}"
    with connect(database) as driver:
        driver.command(f"CREATE DATABASE {empty}")
        for missing in (empty, f"absent_{uuid.uuid4().hex[:8]}"):
            with Client(database.address, database=missing) as client:
                for ask in (
                    client.names,
                    client.latest("zone_load").to_list,
                    client.metrics("zone_load", start="-1d").to_pandas,
                ):
                    with pytest.raises(DatabaseMissingError, match=r"wattnet (init|migrate up)") as refused:
                        ask()
                    assert missing in str(refused.value)
        driver.command(f"DROP DATABASE {empty}")


def test_what_clickhouse_refuses_is_a_query_error(database: ClickHouseSettings) -> None:
    """Nothing of the driver's own comes out, and what ClickHouse said stays in it."""
    with Client(database.address, database=database.database) as client:
        with pytest.raises(AnswerError, match="nosuch") as refused:
            client._database.rows("SELECT nosuch(1)", {})
        assert isinstance(refused.value, QueryError)


def test_threads_may_share_a_client(store: DirectWriter, client: Client, name: str) -> None:
    """Queries run side by side on one client, from the first one on."""
    store.put(*(Metric(name, float(n), T0 + n * HOUR, {"zone": f"Z{n}"}) for n in range(16)))
    client.close()  # so that the threads race for the connection too

    def read(n: int) -> list[float | None]:
        return [m.value for m in client.metrics(name, start=T0, end=T0 + 99 * HOUR, zone=f"Z{n % 16}").to_list()]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(64))) == [[float(n % 16)] for n in range(64)]


def test_a_closed_client_connects_again(store: DirectWriter, client: Client, name: str) -> None:
    """close gives the connections back; closing twice is fine."""
    store.put(Metric(name, 1.0, T0, {"zone": "ES"}))
    client.close()
    client.close()
    assert len(client.latest(name).to_list()) == 1


def test_a_revision_in_two_inserts_is_one_row(database: ClickHouseSettings, store: DirectWriter, name: str) -> None:
    """Until a merge both copies are in the table; the last one counts, once."""
    store.driver.command("SYSTEM STOP MERGES metrics")
    try:
        for value in (1.0, 2.0, 3.0):
            store.put(Metric(name, value, T0, {"zone": "ES"}, knowledge_time=T0 + HOUR))
        copies = store.rows("SELECT count() FROM metrics WHERE name = {name:String}", name=name)
        with Client(database.address, database=database.database) as client:
            read = [metric.value for metric in client.metrics(name, start=T0).to_list()]
    finally:
        store.driver.command("SYSTEM START MERGES metrics")
    assert copies == [(3,)]
    assert read == [3.0]
