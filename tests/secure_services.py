"""Services behind passwords and certificates: a broker with a SASL_SSL listener, TLS before ClickHouse."""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from wattnet.local._folder import DataFolder
from wattnet.local._kafka import Kafka
from wattnet.local._kafka_programs import install_kafka, startup_options
from wattnet.local._ports import HOST, free_port
from wattnet.local._service import Command, Service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

USER = "wattnet"
PASSWORD = "sasl-S3cret-of-the-test"  # noqa: S105  what the broker of this test is told
KEY_PASSWORD = "key-S3cret-of-the-test"  # noqa: S105  of a key that lives as long as the test

LISTENER = """
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port},SASL_SSL://{host}:{secure_port}
advertised.listeners=PLAINTEXT://{host}:{port},SASL_SSL://{host}:{secure_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_{user}="{password}" user_least="{password}";
# Who comes without a password through the plain listener is this test, and the broker itself.
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:{user}
listener.name.sasl_ssl.ssl.keystore.type=PEM
listener.name.sasl_ssl.ssl.keystore.location=server.pem
listener.name.sasl_ssl.ssl.truststore.type=PEM
listener.name.sasl_ssl.ssl.truststore.location=ca.pem
listener.name.sasl_ssl.ssl.client.auth=required
"""


@dataclass(frozen=True)
class Certificates:
    """An authority, what it signed for a server and for a client, and an authority that nobody trusts."""

    authority: trustme.CA
    server: trustme.LeafCert
    folder: Path

    @classmethod
    def made(cls, folder: Path) -> Certificates:
        authority = trustme.CA()
        client = authority.issue_cert("client@wattnet.test")
        authority.cert_pem.write_to_path(folder / "ca.pem")
        trustme.CA().cert_pem.write_to_path(folder / "wrong-ca.pem")
        (folder / "client.pem").write_bytes(b"".join(pem.bytes() for pem in client.cert_chain_pems))
        (folder / "client.key").write_bytes(pkcs8(client, KEY_PASSWORD))
        (folder / "client-plain.key").write_bytes(pkcs8(client, None))
        return cls(authority, authority.issue_cert("localhost", HOST), folder)

    def file(self, name: str) -> str:
        """The path of one of the files."""
        return str(self.folder / name)


def pkcs8(certificate: trustme.LeafCert, password: str | None) -> bytes:
    """The private key in the one form that Java reads."""
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


class SecureKafka(Kafka):
    """The broker of LocalStack with one more listener, which wants a password and a client's certificate."""

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        programs = install_kafka(progress=lambda _: None)
        port, controller, self.secure_port = free_ports(3)
        self._certificates = certificates
        super().__init__(
            folder, programs=programs, port=port, controller_port=controller, jvm=startup_options(programs)
        )

    @property
    def ports(self) -> tuple[int, ...]:
        return (*super().ports, self.secure_port)

    def command(self) -> Command:
        command = super().command()
        port, controller, _ = self.ports
        own = self._certificates.server
        (command.folder / "server.pem").write_bytes(
            pkcs8(own, None) + b"".join(pem.bytes() for pem in own.cert_chain_pems)
        )
        self._certificates.authority.cert_pem.write_to_path(command.folder / "ca.pem")
        with (command.folder / "server.properties").open("a") as properties:  # what comes last counts
            properties.write(
                LISTENER.format(
                    host=HOST,
                    port=port,
                    controller_port=controller,
                    secure_port=self.secure_port,
                    user=USER,
                    password=PASSWORD,
                )
            )
        return command


def free_ports(count: int) -> list[int]:
    """So many different ports."""
    taken: set[int] = set()
    for _ in range(count):
        taken.add(free_port(taken=taken))
    return list(taken)


@dataclass(frozen=True)
class Addresses:
    """Of one broker: where it wants a password and a certificate, and where it takes anybody for an administrator."""

    secure: str
    plain: str


def secure_broker(folder: Path, certificates: Certificates) -> Iterator[Addresses]:
    """Its addresses, while it runs."""
    data = DataFolder(folder)
    data.lock()
    kafka = SecureKafka(folder / "kafka", certificates)
    service = Service(kafka, data, timeout_s=120)
    try:
        service.start()
        yield Addresses(f"{HOST}:{kafka.secure_port}", kafka.bootstrap_servers)
    finally:
        service.stop()
        data.unlock()


class TlsTerminator:
    """TLS on a free port of 127.0.0.1, plain text behind it; `clients` says who must show a certificate."""

    def __init__(self, url: str, certificates: Certificates, *, clients: ssl.VerifyMode = ssl.CERT_NONE) -> None:
        self._behind = urlsplit(url)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificates.server.configure_cert(self._context)
        certificates.authority.configure_trust(self._context)
        self._context.verify_mode = clients
        self._loop = asyncio.new_event_loop()
        self.port = 0
        self.connections = 0

    def __enter__(self) -> TlsTerminator:
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, HOST, 0, ssl=self._context), self._loop
        ).result(10)
        self.port = server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        back_reader, back_writer = await asyncio.open_connection(self._behind.hostname, self._behind.port)
        await asyncio.gather(copy(reader, back_writer), copy(back_reader, writer))


async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Bytes from one to the other until either ends."""
    with suppress(OSError, ssl.SSLError):
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()
    target.close()
