"""What tests of several parts share: a road of their own on the stack that the pytest plugin starts."""

from __future__ import annotations

import logging
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from clickhouse_proxy import ClickHouseProxy
from command import Command
from hypothesis import HealthCheck, settings
from road import Road
from xdist.scheduler import LoadFileScheduling

from wattnet.local import LocalStack, Service

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
# Where most of the time goes. `make test` deals files to several processes; the large ones must not come last.
# A test that uses one of these, directly or not, needs services. What starts some by itself says so with the marker.
SERVICE_FIXTURES = {"wattnet_stack", "registry_stack", "running", "wattnet", "wheel", "installed"}
LARGE_FIRST = ("faults", "soak", "cli", "security", "packaging", "docs", "local", "query", "clickhouse")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--soak 1` runs tests/soak whole, `--soak 0.1` a tenth of it; `--old-package` what needs 1.1 from PyPI."""
    parser.addoption("--soak", type=float, default=0.0, metavar="SHARE", help="the share of the whole in tests/soak")
    parser.addoption("--old-package", action="store_true", help="install wattnet-storage 1.1 for tests/legacy")


def pytest_configure(config: pytest.Config) -> None:
    """Let no Hypothesis test depend on the machine's speed, nor, outside tests/soak, on the seed of the day."""
    slow = [HealthCheck.too_slow]
    settings.register_profile("suite", deadline=None, derandomize=True, suppress_health_check=slow)
    settings.register_profile("soak", deadline=None, suppress_health_check=slow)
    settings.load_profile("soak" if config.getoption("--soak") else "suite")


class OneRegistry(LoadFileScheduling):  # type: ignore[misc]  # xdist brings no types
    """Deals whole files; all that need a schema registry are one parcel, for the sake of one stack."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "registry" if needs_registry(ROOT / file) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneRegistry:
    """For every `-n`."""
    return OneRegistry(config, log)


@cache
def needs_registry(file: Path) -> bool:
    return bool({"registry_road", "registry_stack"} & set(re.findall(r"\w+", file.read_text(encoding="utf-8"))))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs services. Where tests are dealt to processes, the folders of LARGE_FIRST begin."""
    for item in items:
        if SERVICE_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.services)
    if hasattr(config, "workerinput"):

        def place(item: pytest.Item) -> int:
            folder = item.path.relative_to(ROOT / "tests").parts[0]
            if needs_registry(item.path):
                return -1
            return LARGE_FIRST.index(folder) if folder in LARGE_FIRST else len(LARGE_FIRST)

        items.sort(key=place)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let no test start a service unless it is marked, so that `make unit` means what it says."""
    if item.get_closest_marker("services"):
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Service, "launch", _refuse_to_launch)
        return (yield)


def _refuse_to_launch(service: Service) -> None:
    raise AssertionError(f"this test starts {service.name}: mark it with pytest.mark.services")


@pytest.fixture(autouse=True)
def _default_log_level() -> None:
    """Commands that a test ran in this process set the root's, and the next test looks at what is logged."""
    logging.getLogger().setLevel(logging.WARNING)


@pytest.fixture
def road(wattnet_stack: LocalStack, tmp_path: Path) -> Iterator[Road]:
    """A topic, a database and a group of the test's own."""
    road = Road(wattnet_stack, tmp_path)
    yield road
    road.close()


@pytest.fixture(scope="session")
def registry_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack with a schema registry. Tests may stop and kill its services, if they start them again."""
    with LocalStack(tmp_path_factory.mktemp("registry"), schema_registry=True) as stack:
        yield stack


@pytest.fixture
def registry_road(registry_stack: LocalStack, tmp_path: Path) -> Iterator[Road]:
    """A road whose producers register their schema."""
    road = Road(registry_stack, tmp_path)
    yield road
    road.close()


@pytest.fixture
def proxy(wattnet_stack: LocalStack) -> Iterator[ClickHouseProxy]:
    """Stands before ClickHouse and holds inserts where a test wants them held."""
    with ClickHouseProxy(wattnet_stack.clickhouse_url) as proxy:
        yield proxy


@pytest.fixture
def wattnet(tmp_path: Path) -> Iterator[Command]:
    """The command in a folder of the test's own."""
    command = Command(tmp_path)
    yield command
    for process in command.started:
        if process.poll() is None:
            process.kill()
            process.wait()
