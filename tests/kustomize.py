"""As much of kustomize as deploy/kubernetes uses; anything else in a kustomization is an error."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

Object = dict[str, Any]
KNOWN = {"apiVersion", "kind", "namespace", "labels", "resources", "images", "patches", "secretGenerator"}
NO_NAMESPACE = {"Namespace"}


def build(folder: Path) -> list[Object]:
    """The objects that `kustomize build` prints, in the order in which they are named."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    unknown = kustomization.keys() - KNOWN
    assert not unknown, f"teach tests/kustomize.py: {unknown}"
    objects: list[Object] = []
    for resource in kustomization["resources"]:
        path = folder / resource
        if path.is_dir():
            objects += build(path)
        else:
            objects += [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]
    objects += [_secret(folder, **one) for one in kustomization.get("secretGenerator", [])]
    for patch in kustomization.get("patches", []):
        assert patch.keys() == {"path"}
        changed = yaml.safe_load((folder / patch["path"]).read_text(encoding="utf-8"))
        [patched] = [one for one in objects if _name(one) == _name(changed)]
        _merge(patched, changed)
    for one in objects:
        if "namespace" in kustomization and one["kind"] not in NO_NAMESPACE:
            one["metadata"]["namespace"] = kustomization["namespace"]
        for label in kustomization.get("labels", []):
            assert label.keys() == {"pairs", "includeTemplates"}
            one["metadata"].setdefault("labels", {}).update(label["pairs"])
            if template := one.get("spec", {}).get("template"):
                template["metadata"]["labels"].update(label["pairs"])
        for image in kustomization.get("images", []):
            for container in _pod(one).get("containers", []):
                if container["image"].partition(":")[0] == image["name"]:
                    container["image"] = f"{image['newName']}:{image['newTag']}"
    return objects


def _name(one: Object) -> tuple[str, str]:
    return one["kind"], one["metadata"]["name"]


def _pod(one: Object) -> Object:
    pod: Object = one.get("spec", {}).get("template", {}).get("spec", {})
    return pod


def _secret(folder: Path, *, name: str, envs: list[str], options: Object) -> Object:
    assert options == {"disableNameSuffixHash": True}
    lines = [line for env in envs for line in (folder / env).read_text(encoding="utf-8").splitlines()]
    data = {key: base64.b64encode(value.encode()).decode() for key, _, value in (one.partition("=") for one in lines)}
    return {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {"name": name}, "data": data}


def _merge(into: Object, changes: Object) -> None:
    for key, value in changes.items():
        assert not isinstance(value, list), "kustomize merges lists by their own keys: teach tests/kustomize.py"
        if isinstance(value, dict):
            _merge(into.setdefault(key, {}), value)
        else:
            into[key] = value
