"""Where ClickHouse is: arguments, environment, a file for the password, a URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wattnet.clickhouse import ClickHouseSettings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No .env of the checkout, none of the machine's variables."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOST", "PORT", "USER", "PASSWORD", "PASSWORD_FILE", "DATABASE", "SECURE"):
        monkeypatch.delenv(f"CLICKHOUSE_{name}", raising=False)


def test_arguments_win_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("CLICKHOUSE_HOST=file\nCLICKHOUSE_USER=file\nCLICKHOUSE_DATABASE=file\n")
    monkeypatch.setenv("CLICKHOUSE_HOST", "environment")
    monkeypatch.setenv("CLICKHOUSE_USER", "environment")
    settings = ClickHouseSettings(host="argument")
    assert (settings.host, settings.user, settings.database) == ("argument", "environment", "file")


def test_a_password_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    monkeypatch.setenv("CLICKHOUSE_PASSWORD_FILE", str(tmp_path / "secret"))
    settings = ClickHouseSettings()
    assert settings.password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(settings)


def test_the_port_follows_tls() -> None:
    assert ClickHouseSettings().port == 8123
    assert ClickHouseSettings(secure=True).port == 8443
    assert ClickHouseSettings(secure=True, port=9440).port == 9440


def test_a_url_says_it_all_and_the_environment_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKHOUSE_USER", "environment")
    settings = ClickHouseSettings.from_url("https://me:p%40ss@example.org/grid")
    assert (settings.host, settings.port, settings.user, settings.database) == ("example.org", 8443, "me", "grid")
    assert settings.password.get_secret_value() == "p@ss"
    assert settings.address == "https://example.org:8443", "no credentials in messages"


@pytest.mark.parametrize("url", ["localhost:8123", "clickhouse://localhost", "http://", ""])
def test_another_kind_of_url_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ValueError, match="http://localhost:8123"):
        ClickHouseSettings.from_url(url)
