"""An embedded ClickHouse without Kafka, asked over plain HTTP or through an unmodified clickhouse-connect."""

from __future__ import annotations

import http.client
import io
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import clickhouse_connect
import fastavro

from wattnet.local._clickhouse import ClickHouse
from wattnet.local._ports import HOST, free_port
from wattnet.local._service import Service

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clickhouse_connect.driver.client import Client

    from wattnet.local._folder import DataFolder


ROWS = 200_000


class Running:
    """An embedded ClickHouse alone, without Kafka."""

    def __init__(self, folder: DataFolder) -> None:
        folder.lock()
        self.port = free_port(taken=set())
        self.url = f"http://{HOST}:{self.port}"
        self.service = Service(ClickHouse(folder.path / "clickhouse", port=self.port), folder, timeout_s=30)
        self.service.start()

    def client(self, **options: object) -> Client:
        return clickhouse_connect.get_client(dsn=self.url, autogenerate_session_id=False, **options)  # type: ignore[arg-type]

    def http(
        self, method: str, body: bytes | Iterable[bytes] = b"", *, encoding: str = "", **parameters: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        headers = {"Content-Encoding": encoding} if encoding else {}
        try:
            connection.request(method, f"/?{urlencode(parameters)}", body or None, headers)
            response = connection.getresponse()
            return response.status, dict(response.headers), response.read()
        finally:
            connection.close()


def count(client: Client, table: str) -> int:
    return int(client.query(f"SELECT count() FROM {table}").result_rows[0][0])


def avro(rows: int, *, codec: str = "null") -> bytes:
    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": "r",
            "fields": [{"name": "number", "type": "long"}, {"name": "text", "type": "string"}],
        }
    )
    file = io.BytesIO()
    fastavro.writer(file, schema, ({"number": n, "text": f"row\n\n{n}"} for n in range(rows)), codec=codec)
    return file.getvalue()
