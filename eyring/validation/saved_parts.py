"""Raw numbers on disk, written whole or not at all, so that a killed run goes on where it stopped."""

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["load_part", "save_part", "write_whole"]

SETTINGS = "settings"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under another name, then rename it: a reader sees the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def save_part(path: Path, arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> None:
    """Save raw numbers with the settings that fix them, without pickle."""
    from io import BytesIO

    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{SETTINGS: np.array(_text(settings))}, **dict(arrays))
    write_whole(path, buffer.getvalue())


def load_part(path: Path, settings: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
    """Return the raw numbers saved with these very settings; None if there are none, or they are damaged or of another run."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            if str(file[SETTINGS]) != _text(settings):
                return None
            return {name: file[name] for name in file.files if name != SETTINGS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _text(settings: Mapping[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True, default=str)
