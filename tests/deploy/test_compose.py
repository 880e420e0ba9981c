"""docker-compose.yml, by what Docker Compose makes of it: schema, profiles, and what each service must have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml
from compose_file import EXAMPLE, PROFILES, ROOT, compose, services

from wattnet.cli._settings import LogSettings, _variable
from wattnet.clickhouse import ClickHouseSettings
from wattnet.consumer import BatchSettings, HttpSettings, KafkaSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest
    from pydantic_settings import BaseSettings

TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
ONE_SHOTS = {"init", "kafka-engine"}
OURS = ONE_SHOTS | {"consumer", "consumer-small"}
GROUPS: tuple[type[BaseSettings], ...] = (KafkaSettings, ClickHouseSettings, BatchSettings, HttpSettings, LogSettings)


def everywhere() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Profile, name and definition of each service in each profile."""
    return ((profile, name, one) for profile in PROFILES for name, one in services(profile).items())


def test_profiles_are_what_the_example_says() -> None:
    always = {"kafka", "clickhouse", "grafana", "init"}
    assert set(services("full")) == always | {"schema-registry", "consumer"}
    assert set(services("small")) == always | {"consumer-small"}
    assert set(services("engine")) == always | {"schema-registry", "kafka-engine"}
    assert services("full")["consumer"]["deploy"]["replicas"] == 2
    by_itself = compose("--env-file", str(EXAMPLE), "config", "--services")
    assert set(by_itself.stdout.split()) == set(services("full")), "`docker compose up` without a profile is full"


def test_without_passwords_nothing_starts() -> None:
    done = compose("--env-file", "/dev/null", "--profile", "full", "config")
    assert done.stdout == ""
    assert "copy .env.example to .env" in done.stderr


def test_no_password_stands_in_the_file() -> None:
    literal = [
        line for line in TEXT.splitlines() if re.search(r"PASSWORD\w*:", line) and not re.search(r": \$\{\w+:\?", line)
    ]
    assert literal == []
    for assigned in re.findall(r"^(\w*PASSWORD)=(.+)$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE):
        assert assigned[1] not in TEXT or assigned[1] == "admin", "GF_SECURITY_ADMIN_USER is admin too"


def test_every_service_is_pinned_limited_and_watched() -> None:
    for _, name, one in everywhere():
        assert re.search(r":\d+\.\d+\.\d+(\.\d+)?$", one["image"]), "a tag that does not move"
        limits = one["deploy"]["resources"]["limits"]
        assert float(limits["cpus"]) > 0, name
        assert int(limits["memory"]) > 0, name
        assert "no-new-privileges:true" in one["security_opt"], name
        assert one["logging"]["options"]["max-size"], name
        if name in ONE_SHOTS:
            assert one["healthcheck"] == {"disable": True}
            assert one["restart"] in {"on-failure", "no"}
        else:
            assert one["healthcheck"]["test"][0] == "CMD"
            assert one["restart"] == "unless-stopped"
        for port in one.get("ports", []):
            assert port["host_ip"] == "127.0.0.1", name


def test_every_service_waits_for_what_it_needs() -> None:
    for profile, name, one in everywhere():
        for other, how in one.get("depends_on", {}).items():
            expected = "service_completed_successfully" if other in ONE_SHOTS else "service_healthy"
            assert (how["condition"], how["required"]) == (expected, True), name
            assert other in services(profile), f"{name} needs {other}, which {profile} has not"


def test_what_is_mounted_is_there() -> None:
    for _, name, one in everywhere():
        for mount in one.get("volumes", []):
            if mount["type"] == "bind":
                assert mount["read_only"], name
                source = ROOT / mount["source"]
                assert source.exists(), f"{name}: {source}"


def test_ours_is_told_settings_that_exist_and_may_write_nowhere() -> None:
    known = {_variable(group, field, info) for group in GROUPS for field, info in group.model_fields.items()}
    for _, name, one in everywhere():
        if name not in OURS:
            continue
        assert set(one["environment"]) <= known
        assert one["read_only"]
        assert one["cap_drop"] == ["ALL"]
        assert one["tmpfs"] == ["/tmp"]  # noqa: S108  the container's own
        if name not in ONE_SHOTS:
            assert one["stop_grace_period"] == "45s"
            assert BatchSettings().drain_timeout_s < 45


def test_old_users_find_clickhouse_and_grafana_where_they_were() -> None:
    ports = {
        name: {(port["published"], port["target"]) for port in one.get("ports", [])}
        for name, one in services("full").items()
    }
    assert ports["clickhouse"] == {("8123", 8123)}
    assert ports["grafana"] == {("3000", 3000)}
    assert ports["kafka"] == {("9092", 9092)}


def test_the_example_leads_programs_on_this_machine_to_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    for group in GROUPS:
        for field, info in group.model_fields.items():
            monkeypatch.delenv(_variable(group, field, info), raising=False)
    kafka = KafkaSettings(_env_file=EXAMPLE)  # type: ignore[call-arg]  # pydantic-settings' own
    clickhouse = ClickHouseSettings(_env_file=EXAMPLE)  # type: ignore[call-arg]  # pydantic-settings' own
    full = services("full")
    assert kafka.bootstrap_servers in full["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert kafka.schema_registry_url == "http://127.0.0.1:8081/apis/ccompat/v7"
    assert full["schema-registry"]["ports"][0]["published"] == "8081"
    assert clickhouse.address == "http://127.0.0.1:8123"
    assert (
        clickhouse.password.get_secret_value() == full["clickhouse"]["environment"]["CLICKHOUSE_OPERATOR_PASSWORD"]
    ), "one password, written once"


def test_the_images_are_those_that_are_tested() -> None:
    tested = (ROOT / "tests/containers/test_containers.py").read_text(encoding="utf-8")
    for name in ("kafka", "clickhouse"):
        assert f'"{services("full")[name]["image"]}"' in tested


def test_it_is_plain_yaml_without_a_duplicate() -> None:
    """Docker Compose takes the last of two equal keys in some places; a stricter reader sees both."""

    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader: Strict, node: yaml.MappingNode) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if key.value != "<<"]
        assert len(keys) == len(set(keys)), keys
        loader.flatten_mapping(node)
        return loader.construct_mapping(node)

    Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    assert yaml.load(TEXT, Loader=Strict)["name"] == "wattnet"  # noqa: S506  it is a SafeLoader
