"""A finished sweep as one xarray Dataset: results along their jobs, with the jobs' numbers as coordinates."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.errors import ParameterError
from eyring.validation.court.shard_files import Arrays, ShardFolder

if TYPE_CHECKING:
    import xarray

__all__ = ["load"]


def load(directory: str | os.PathLike[str]) -> "xarray.Dataset":
    """Return the finished shards of a sweep.

    A result of the same shape in every job lies along ``job``. One whose length differs (waiting times, say) is laid end to end along
    ``NAME_entry``, with the coordinate ``NAME_job`` saying whose each entry is: nothing is padded. Numbers and texts among the jobs' arguments
    become coordinates along ``job``. Attributes: digest, versions, and the jobs still unfinished.

    Raises:
        ParameterError: If xarray is not installed.
        StorageError: If there is no manifest, or a shard is damaged.
    """
    try:
        import xarray
    except ImportError:
        raise ParameterError("a sweep is loaded with xarray, which is not installed: pip install 'eyring[results]'") from None
    folder = ShardFolder.found(Path(directory))
    shards, manifest = folder.finished(), folder.manifest
    names = list(shards)
    keys = list(dict.fromkeys(key for arrays in shards.values() for key in arrays))
    variables: dict[str, Any] = {}
    for key in keys:
        variables |= _variable(key, shards)
    about = {"digest": manifest["digest"], "versions": json.dumps(manifest["versions"]), "unfinished": [n for n in folder.plan if n not in shards]}
    coordinates = {key: column for key, column in _coordinates(folder.plan, names).items() if key not in variables}
    return xarray.Dataset(variables, {"job": ("job", np.array(names, dtype=str)), **coordinates}, about)


def _coordinates(plan: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    given = [plan[name]["arguments"] for name in names]
    columns = {key: [arguments.get(key) for arguments in given] for key in (given[0] if given else {}) if key != "job"}
    return {
        key: ("job", np.array(column))
        for key, column in columns.items()
        if {type(v) for v in column} <= {int, float} or any({type(v) for v in column} == {kind} for kind in (bool, str))
    }


def _variable(key: str, shards: Mapping[str, Arrays]) -> dict[str, Any]:
    found = {name: arrays[key] for name, arrays in shards.items() if key in arrays}
    shapes = {array.shape for array in found.values()}
    if len(found) == len(shards) and len(shapes) == 1:
        axes = tuple(f"{key}_axis{i}" for i in range(len(next(iter(shapes)))))
        return {key: (("job", *axes), np.stack(list(found.values())))}
    rows = {name: np.atleast_1d(array) for name, array in found.items()}
    if len({row.shape[1:] for row in rows.values()}) > 1:
        return {f"{key} of {name}": (tuple(f"{key} of {name}_axis{i}" for i in range(row.ndim)), row) for name, row in rows.items()}
    axes = tuple(f"{key}_axis{i}" for i in range(1, next(iter(rows.values())).ndim))
    owner = np.repeat(np.array(list(rows), dtype=str), [len(row) for row in rows.values()])
    return {key: ((f"{key}_entry", *axes), np.concatenate(list(rows.values()))), f"{key}_job": (f"{key}_entry", owner)}
