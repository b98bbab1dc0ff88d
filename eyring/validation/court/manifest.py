"""What a folder of results says about itself: the plan that it belongs to, versions, seeds, device."""

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eyring.errors import ParameterError, StorageError
from eyring.validation.court.plan import plan_digest
from eyring.validation.report import versions

__all__ = ["MANIFEST", "check_same_plan", "manifest_of", "read_manifest"]

MANIFEST = "manifest.json"
CURE = "the shards beside it are kept. Put it back, or begin elsewhere"


def manifest_of(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is written beside the results of a plan, ready for JSON."""
    given = [job["arguments"] for job in plan.values()]
    said = {name: [json.loads(text) for text in sorted({json.dumps(a[name]) for a in given if name in a})] for name in ("seed", "device")}
    return {
        "eyring": "sweep",
        "digest": plan_digest(plan),
        "versions": versions(),
        "machine": {"system": platform.system(), "processor": platform.machine()},
        "seed": said["seed"],
        "device": said["device"] or ["cpu"],
        "plan": dict(plan),
    }


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a folder.

    Raises:
        StorageError: If there is none, or it is damaged.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        if manifest["eyring"] != "sweep" or plan_digest(manifest["plan"]) != manifest["digest"]:
            raise ValueError("its digest is not that of its plan")
        if not isinstance(manifest["versions"], dict):
            raise ValueError("it does not say the versions of the packages")
    except FileNotFoundError:
        raise StorageError(f"{folder} holds no sweep: there is no {MANIFEST}") from None
    except KeyError as error:
        raise StorageError(f"{folder / MANIFEST} is damaged (it does not say {error}); {CURE}") from error
    except (OSError, ValueError, TypeError) as error:
        raise StorageError(f"{folder / MANIFEST} is damaged ({error}); {CURE}") from error
    return dict(manifest)


def check_same_plan(folder: Path, plan: Mapping[str, Any]) -> None:
    """Refuse a folder that belongs to another plan.

    Raises:
        ParameterError: With the first difference.
        StorageError: If the manifest is damaged.
    """
    kept = read_manifest(folder)["plan"]
    if plan_digest(kept) != plan_digest(plan):
        raise ParameterError(f"{folder} belongs to another plan: {_difference(kept, plan)}. Give another folder, or the same jobs")


def _difference(kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    missing, new = [n for n in kept if n not in wanted], [n for n in wanted if n not in kept]
    if missing or new:
        first = (missing + new)[0]
        return f"it has {len(kept)} jobs, {len(missing)} of them not among the {len(wanted)} asked for, and {len(new)} are new (the first: {first!r})"
    name = next(n for n in kept if plan_digest(kept[n]) != plan_digest(wanted[n]))
    parts = [part for part in ("function", "source") if kept[name][part] != wanted[name][part]]
    old, now = kept[name]["arguments"], wanted[name]["arguments"]
    parts += [f"{key}: {old.get(key)!r} there, {now.get(key)!r} asked for" for key in {**old, **now} if repr(old.get(key)) != repr(now.get(key))]
    return f"job {name!r} differs in {'; '.join(parts)}"
