"""Which errors of ClickHouse are waited for."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from clickhouse_connect.driver.httpclient import HttpClient

from wattnet.clickhouse import (
    ClickHouseSettings,
    ClickHouseUnavailableError,
    DatabaseMissingError,
    StorageError,
    connect,
    heals,
)

# What no time heals: unknown database, user or setting, a wrong password, missing tables, columns or rights.
FOR_EVER = [16, 60, 81, 115, 164, 192, 193, 194, 195, 452, 497, 516]
# Memory, parts, timeouts, network, Keeper, a table that is read-only for now, queries that were killed or are too many.
FOR_NOW = [241, 173, 252, 159, 160, 209, 210, 279, 999, 225, 242, 319, 394, 202, 236, 1001, 1000]


@pytest.mark.parametrize("code", FOR_EVER)
def test_what_somebody_has_to_change_does_not_heal(code: int) -> None:
    assert not heals(code)


@pytest.mark.parametrize("code", [*FOR_NOW, None])
def test_everything_else_is_waited_for(code: int | None) -> None:
    assert heals(code)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (DatabaseError("Code: 241. DB::Exception: memory", code=241), ClickHouseUnavailableError),
        (DatabaseError("Code: 252. DB::Exception: parts", code=252), ClickHouseUnavailableError),
        (DatabaseError("HTTP driver received HTTP status 502"), ClickHouseUnavailableError),
        (OperationalError("timed out"), ClickHouseUnavailableError),
        (OperationalError("Code: 159. DB::Exception: timeout", code=159), ClickHouseUnavailableError),
        (DatabaseError("Code: 81. DB::Exception: no such database", code=81), DatabaseMissingError),
        (DatabaseError("Code: 516. DB::Exception: wrong password", code=516), StorageError),
        (DatabaseError("Code: 497. DB::Exception: not allowed", code=497), StorageError),
    ],
    ids=str,
)
def test_connecting_tells_the_two_apart(
    monkeypatch: pytest.MonkeyPatch, error: DatabaseError, kind: type[StorageError]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(HttpClient, "__init__", fail)
    with pytest.raises(StorageError) as raised:
        connect(ClickHouseSettings())
    assert type(raised.value) is kind
