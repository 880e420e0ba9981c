"""deploy/kubernetes: valid by the schemas of Kubernetes, KEDA and the Prometheus Operator, and of one piece."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from kustomize import Object, build

from wattnet.cli._settings import LogSettings, _variable
from wattnet.clickhouse import ClickHouseSettings
from wattnet.consumer import BatchSettings, HttpSettings, KafkaSettings

ROOT = Path(__file__).parents[2]
CRDS = Path(__file__).parent / "crds"
# The oldest and the newest that are meant to work.
VERSIONS = ("1.33", "1.37")
SETTINGS = (KafkaSettings, ClickHouseSettings, BatchSettings, HttpSettings, LogSettings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, with its secrets where whoever copies it puts them."""
    copy = tmp_path_factory.mktemp("kubernetes") / "kubernetes"
    shutil.copytree(ROOT / "deploy/kubernetes", copy)
    example = copy / "overlays/example"
    shutil.copy(example / "secret.env.example", example / "secret.env")
    return example


@pytest.fixture(scope="module")
def objects(folder: Path) -> dict[tuple[str, str], Object]:
    """By kind and name."""
    return {(one["kind"], one["metadata"]["name"]): one for one in build(folder)}


def pods(objects: dict[tuple[str, str], Object]) -> dict[str, Object]:
    """The templates of pods, by the name of what makes them."""
    return {name: one["spec"]["template"] for (kind, name), one in objects.items() if kind in {"Deployment", "Job"}}


def test_everything_that_is_asked_for_is_there(objects: dict[tuple[str, str], Object]) -> None:
    assert set(objects) == {
        ("Namespace", "wattnet"),
        ("ServiceAccount", "wattnet"),
        ("ConfigMap", "wattnet"),
        ("Secret", "wattnet-clickhouse"),
        ("Job", "wattnet-init"),
        ("Deployment", "wattnet-consumer"),
        ("PodDisruptionBudget", "wattnet-consumer"),
        ("ScaledObject", "wattnet-consumer"),
        ("Service", "wattnet-consumer"),
        ("ServiceMonitor", "wattnet-consumer"),
        ("NetworkPolicy", "wattnet"),
    }


def test_every_file_is_used() -> None:
    for kustomization in (ROOT / "deploy/kubernetes").rglob("kustomization.yaml"):
        text = kustomization.read_text(encoding="utf-8")
        for file in kustomization.parent.glob("*.yaml"):
            assert file == kustomization or file.name in text, file


def test_kustomize_says_the_same(folder: Path, objects: dict[tuple[str, str], Object]) -> None:
    """Where it is installed; else tests/kustomize.py alone is believed."""
    program = shutil.which("kustomize")
    if program is not None:
        built = subprocess.run([program, "build", folder], capture_output=True, text=True, check=True)
        theirs = list(yaml.safe_load_all(built.stdout))
        assert {(one["kind"], one["metadata"]["name"]): one for one in theirs} == objects


def closed(schema: Any) -> Any:
    """The schema with no room for fields that it does not name, as a strict reader of a custom resource has it."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {key: closed(value) for key, value in schema.items()}
    open_ = schema.get("x-kubernetes-preserve-unknown-fields", False)
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict) and not open_:
        shut.setdefault("additionalProperties", False)
    return shut


def test_every_object_is_valid(objects: dict[tuple[str, str], Object]) -> None:
    for (kind, _), one in objects.items():
        custom = CRDS / f"{kind}.json"
        if custom.exists():
            schema = closed(json.loads(custom.read_text()))
            schema["properties"]["metadata"] = {"type": "object"}
            jsonschema.validate(one, schema)
        else:
            for version in VERSIONS:
                kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("kind", ["ScaledObject", "ServiceMonitor", "Deployment"])
def test_a_misspelt_field_is_not(objects: dict[tuple[str, str], Object], kind: str) -> None:
    """So that the test above is one."""
    wrong = {
        key: {**value, "spec": {**value["spec"], "replicaCounts": 2}}
        for key, value in objects.items()
        if key[0] == kind
    }
    with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
        test_every_object_is_valid(wrong)


def test_pods_may_do_nothing_that_they_need_not(objects: dict[tuple[str, str], Object]) -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    for name, pod in pods(objects).items():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"], name
        assert f"USER {spec['securityContext']['runAsUser']}:" in dockerfile
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False, "a Service called clickhouse would set CLICKHOUSE_PORT"
        assert ("ServiceAccount", spec["serviceAccountName"]) in objects
        [container] = spec["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert re.search(r":\d+\.\d+\.\d+$", container["image"])


def test_pods_find_the_settings_and_secrets_that_they_name(objects: dict[tuple[str, str], Object]) -> None:
    known = {_variable(group, field, info) for group in SETTINGS for field, info in group.model_fields.items()}
    assert set(objects["ConfigMap", "wattnet"]["data"]) <= known
    for name, service in (("wattnet-init", "init"), ("wattnet-consumer", "consumer-small")):
        spec = pods(objects)[name]["spec"]
        [container] = spec["containers"]
        assert [("ConfigMap", one["configMapRef"]["name"]) in objects for one in container["envFrom"]] == [True]
        env = {one["name"]: one["value"] for one in container["env"]}
        assert set(env) <= known
        user = "migrator" if service == "init" else "consumer"
        assert env["CLICKHOUSE_USER"] == user, "as in docker-compose.yml"
        mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
        [secret] = [one["secret"] for one in spec["volumes"] if one["name"] == "secrets"]
        keys = objects["Secret", secret["secretName"]]["data"]
        assert {one["key"] for one in secret["items"]} <= set(keys)
        paths = {f"{mounts['secrets']}/{one['path']}" for one in secret["items"]}
        assert paths == {env["CLICKHOUSE_PASSWORD_FILE"]}, "each pod has its own password and no other"


def test_what_selects_the_consumers_selects_them_and_no_other(objects: dict[tuple[str, str], Object]) -> None:
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(objects).items()}
    consumer = objects["Deployment", "wattnet-consumer"]["spec"]
    selectors = [
        consumer["selector"]["matchLabels"],
        objects["PodDisruptionBudget", "wattnet-consumer"]["spec"]["selector"]["matchLabels"],
        objects["Service", "wattnet-consumer"]["spec"]["selector"],
        *(one["labelSelector"]["matchLabels"] for one in consumer["template"]["spec"]["topologySpreadConstraints"]),
    ]
    for selector in selectors:
        assert [name for name, own in labels.items() if selector.items() <= own.items()] == ["wattnet-consumer"]
    everybody = objects["NetworkPolicy", "wattnet"]["spec"]["podSelector"]["matchLabels"]
    assert all(everybody.items() <= own.items() for own in labels.values())
    monitor = objects["ServiceMonitor", "wattnet-consumer"]["spec"]
    service = objects["Service", "wattnet-consumer"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert {one["port"] for one in monitor["endpoints"]} <= {one["name"] for one in service["spec"]["ports"]}
    assert {one["metadata"].get("namespace") for one in objects.values()} == {None, "wattnet"}


def test_probes_and_prometheus_reach_the_port_that_is_served(objects: dict[tuple[str, str], Object]) -> None:
    [container] = objects["Deployment", "wattnet-consumer"]["spec"]["template"]["spec"]["containers"]
    env = {one["name"]: one["value"] for one in container["env"]}
    [port] = container["ports"]
    assert (env["WATTNET_HTTP_HOST"], int(env["WATTNET_HTTP_PORT"])) == ("0.0.0.0", port["containerPort"])  # noqa: S104
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert {name: one["path"] for name, one in probes.items()} == {
        "startup": "/livez",
        "liveness": "/livez",
        "readiness": "/readyz",
    }
    assert {one["port"] for one in probes.values()} == {port["name"]}
    [rule] = objects["NetworkPolicy", "wattnet"]["spec"]["ingress"]
    assert [one["port"] for one in rule["ports"]] == [port["containerPort"]]


def test_scaling_fits_the_topic_and_the_ranges(objects: dict[tuple[str, str], Object]) -> None:
    scaled = objects["ScaledObject", "wattnet-consumer"]["spec"]
    deployment = objects["Deployment", scaled["scaleTargetRef"]["name"]]["spec"]
    assert "replicas" not in deployment, "it would undo what KEDA set with each apply"
    [init] = pods(objects)["wattnet-init"]["spec"]["containers"]
    assert int(init["args"][init["args"].index("--partitions") + 1]) == scaled["maxReplicaCount"]
    [trigger] = scaled["triggers"]
    full = BatchSettings.model_fields["max_batch_rows"].default
    assert full <= int(trigger["metadata"]["lagThreshold"]) <= 2 * full
    [container] = deployment["template"]["spec"]["containers"]
    assert scaled["scaleTargetRef"]["envSourceContainerName"] == container["name"]
    config = objects["ConfigMap", "wattnet"]["data"]
    assert {value for key, value in trigger["metadata"].items() if key.endswith("FromEnv")} <= set(config)
    drain_s = BatchSettings.model_fields["drain_timeout_s"].default
    assert deployment["template"]["spec"]["terminationGracePeriodSeconds"] == 45 > drain_s
