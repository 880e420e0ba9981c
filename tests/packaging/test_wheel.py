"""The wheel as others get it: what is in it, and what each set of extras can do in a fresh environment."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from direct_writer import DirectWriter
from road import load, until

if TYPE_CHECKING:
    from road import Road

ROOT = Path(__file__).parents[2]
PARTS = sorted(folder.name for folder in ROOT.glob("*/wattnet/*") if (folder / "__init__.py").exists())
# The consumer is a service: importing it takes its extra.
BARE_PARTS = sorted(set(PARTS) - {"consumer"})


def uv(*arguments: str | Path) -> None:
    """Run uv; it shares its cache with whatever made this environment."""
    done = subprocess.run(
        [sys.executable, "-m", "uv", *arguments], capture_output=True, text=True, check=False, cwd=ROOT, timeout=280
    )
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Environment:
    """A fresh virtual environment with the wheel in it and nothing of this checkout on its path."""

    folder: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A program of this environment, outside of the checkout."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        program = self.folder / "bin" / command[0]
        return subprocess.run(
            [program, *command[1:]],
            cwd=self.folder,
            env=clean,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def python(self, code: str, *arguments: str) -> str:
        """What a program prints; it must end well and without a word on stderr."""
        done = self.run("python", "-I", "-c", textwrap.dedent(code), *arguments)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--quiet", "--wheel", "--out-dir", folder, ROOT)
    [wheel] = folder.glob("*.whl")
    return wheel


def make(wheel: Path, folder: Path, extras: str) -> Environment:
    uv("venv", "--quiet", "--python", sys.executable, folder)
    uv("pip", "install", "--quiet", "--python", folder / "bin" / "python", f"{wheel}{extras}")
    return Environment(folder)


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return make(wheel, tmp_path_factory.mktemp("bare"), "")


@pytest.fixture(scope="module")
def cli(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return make(wheel, tmp_path_factory.mktemp("cli"), "[cli]")


@pytest.fixture(scope="module")
def complete(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return make(wheel, tmp_path_factory.mktemp("all"), "[all]")


def test_the_wheel_holds_every_file_of_every_part_and_nothing_else(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    tree = {
        path.relative_to(ROOT / part).as_posix()
        for part in PARTS
        for path in (ROOT / part / "wattnet").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == tree
    assert "wattnet/__init__.py" not in inside, "it would hide all parts but one"


def test_the_wheel_holds_what_is_no_python(wheel: Path) -> None:
    inside = zipfile.ZipFile(wheel).namelist()
    assert {f"wattnet/{part}/py.typed" for part in PARTS} <= set(inside)
    assert "wattnet/schemas/metric.avsc" in inside
    ups = [name for name in inside if "/migrations/" in name and not name.endswith(".down.sql")]
    assert len(ups) >= 5
    assert {name.replace(".sql", ".down.sql") for name in ups} <= set(inside)
    assert sum(name.startswith("wattnet/examples/us_grid_2022/") and name.endswith(".csv") for name in inside) == 8
    assert "wattnet/examples/us_grid_2022/LICENSE" in inside
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in inside)


def test_the_bare_install_imports(bare: Environment) -> None:
    for part in BARE_PARTS:
        assert bare.python(f"import wattnet.{part} as part; print(part.__name__)") == f"wattnet.{part}\n"


def test_the_bare_install_sends_and_reads(bare: Environment, road: Road) -> None:
    """The short programs need no extra: one publishes, one reads what is stored into a frame of pandas."""
    bare.python(
        """
        import sys
        from datetime import datetime, timezone
        from wattnet.producer import Producer
        from wattnet.schemas import Metric, MetricType
        servers, topic = sys.argv[1:]
        with Producer(servers, topic=topic) as producer:
            labels = {"zone": "ES", "unit": "MW", "datasource": "test", "data_state": "final"}
            producer.send(Metric(MetricType.ZONE_LOAD, 1.5, datetime.now(timezone.utc), labels))
        """,
        road.stack.bootstrap_servers,
        road.topic,
    )
    until(lambda: road.verdict().in_flight == 1, "the metric in Kafka")

    DirectWriter(road.client).put(load("ES", 0, 1.5))
    shown = bare.python(
        """
        import sys
        from wattnet.query import Client, MissingExtraError
        url, database = sys.argv[1:]
        with Client(url, database=database) as client:
            answer = client.metrics("zone_load", zone="ES", start="2025-03-01T00:00Z", end="2025-03-02T00:00Z")
            print(answer.to_pandas()["value"].tolist(), [metric.value for metric in answer.to_list()])
            try:
                answer.to_polars()
            except MissingExtraError as error:
                print(error)
        """,
        road.stack.clickhouse_url,
        road.name,
    )
    values, missing = shown.splitlines()
    assert values == "[1.5] [1.5]"
    assert "pip install 'wattnet-storage[polars]'" in missing


def test_the_bare_install_runs_programs_for_1_1(bare: Environment, road: Road) -> None:
    """Both plugins are there; writing straight into ClickHouse and reading need nothing more."""
    shown = bare.python(
        """
        import sys
        from datetime import datetime, timezone
        from wattnet.storage import MetricsRepository, StorageConfig
        from wattnet.storage.models import Metric, MetricType
        from wattnet.storage.utils.plugin_loader import get_storage_clients_extensions
        host, port, database = sys.argv[1:]
        print(*sorted(get_storage_clients_extensions()))
        configs = {"clickhouse": {"host": host, "port": port, "database": database}}
        now = datetime.now(timezone.utc)
        with MetricsRepository(StorageConfig(15, ["clickhouse"], configs)) as repository:
            repository.write_metrics([Metric(MetricType.ZONE_LOAD, 0.0042, now, {"zone": "ES"})])
            print([metric.value for metric in repository.query_metrics("zone_load", now, labels={"zone": "ES"})])
        """,
        road.clickhouse.host,
        str(road.clickhouse.port),
        road.name,
    )
    assert shown == "clickhouse kafka\n[0.0042]\n"


def test_the_consumer_with_its_extra(wheel: Path, tmp_path: Path) -> None:
    """For programs that run it themselves, without the command line."""
    environment = make(wheel, tmp_path / "consumer", "[consumer]")
    assert environment.python("from wattnet.consumer import consume; print(consume.__name__)") == "consume\n"


def test_the_command_without_its_extra_names_it(bare: Environment) -> None:
    done = bare.run("wattnet", "--version")
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == "wattnet: the command line needs typer: pip install 'wattnet-storage[cli]'\n"


def test_the_command_with_its_extra(cli: Environment) -> None:
    """All but the embedded services."""
    done = cli.run("wattnet", "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("wattnet-storage ")
    assert cli.run("wattnet", "consume", "--help").returncode == 0
    for command in (["up", "--kafka-port", "0", "--clickhouse-port", "0"], ["demo"]):
        local = cli.run("wattnet", *command)
        assert local.returncode == 78, local.stderr
        assert "pip install 'wattnet-storage[local]'" in local.stderr
        assert "Traceback" not in local.stderr


def test_every_module_imports_with_all_extras(complete: Environment) -> None:
    """The private ones too. Programs and pytest's plugin are left out: pytest is no part of any extra."""
    shown = complete.python(
        """
        import importlib, pkgutil, wattnet
        def walk(path, prefix):
            for module in pkgutil.iter_modules(path, prefix):
                if module.name.endswith(("__main__", "pytest_plugin")):
                    continue
                package = importlib.import_module(module.name)
                print(module.name)
                if module.ispkg:
                    walk(package.__path__, module.name + ".")
        walk(wattnet.__path__, "wattnet.")
        """
    )
    assert {f"wattnet.{part}" for part in PARTS} <= set(shown.splitlines())
    assert complete.run("wattnet", "--version").returncode == 0
