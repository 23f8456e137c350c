"""The record of a finished run: what its result depends on, and the digests of its files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emo2vec_plugins.errors import CheckpointError, FormatError, ResumeError, TrainingError, warn
from emo2vec_plugins.evaluation import few
from emo2vec_plugins.files import (
    differences,
    digest_in,
    disk,
    from_json,
    read_text,
    settings_of,
    write_whole,
)
from emo2vec_plugins.training.work_folder import close_work_folder, work_folder

FORMAT = "emo2vec training, version 3"
RECORD, CARD = "training.json", "README.md"
"""The record, and the model card, which people may complete by hand."""


def named(out: Path) -> Path:
    """Return the path of a folder with its name, which "." lacks."""
    return out if out.name else out.absolute()


def is_new(out: Path) -> bool:
    """Return whether a run may create a folder: it is missing, or empty and can be replaced."""
    if not os.path.lexists(out):
        return True
    is_kept = out.is_symlink() or not out.is_dir() or out.is_mount() or out.samefile(".")
    return not is_kept and not any(out.iterdir())


def finish(folder: Path, out: Path, identity: Mapping[str, Any], **results: Any) -> None:
    """Write the record of a run into its complete folder, and give the folder its name.

    A folder of that name is replaced if it is empty, or if files of it are missing, and nothing else
    was changed.

    Args:
        folder: A folder within the work folder, which is removed.
        out: The name.
        identity: Everything that the result depends on, as JSON values.
        results: More JSON values for the record.

    Raises:
        TrainingError: If the record cannot be written.
        CheckpointError, ResumeError: As `recorded_result` does.
    """
    files = {path.name: digest_in(path) for path in sorted(folder.iterdir())}
    document = settings_of(format=FORMAT, identity=identity, files=files, **results)
    document["sha256"] = _checksum(document)
    write_result(folder / RECORD, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    if not is_new(out):
        _checked(out, identity)
        disk.rename(out, work_folder(out) / "incomplete")
    elif out.exists():
        disk.remove_folder(out)
    disk.rename(folder, out)  # so that the folder is complete as soon as it exists
    close_work_folder(out)


def recorded_result(out: Path, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the record of a run; None if its folder is new, see `is_new`, or lacks files.

    A warning names the files that are missing.

    Raises:
        CheckpointError: If the folder is not of a run, or the content of a file has changed.
        ResumeError: If it has another recipe, other data or another model.
    """
    if is_new(out):
        return None
    record, missing = _checked(out, identity)
    if not missing:
        close_work_folder(out)  # left by a run that was killed at its end
        return record
    warn(f"{out} lacks {few(missing)}, which the finished run wrote: training again")
    return None


def write_result(path: Path, content: str | bytes) -> None:
    """Write a small file that is complete or absent.

    Raises:
        TrainingError: If the file cannot be written.
    """
    try:
        write_whole(path, content, locked=True)
    except OSError as error:
        why = f"{error.strerror or error}; the last checkpoint is intact"
        raise TrainingError(f"{path} cannot be written: {why}") from error


def refuse_other(path: Path, found: Any, expected: Mapping[str, Any], advice: str) -> None:
    """Reject a file from another run.

    Raises:
        CheckpointError: If *found* is not the identity of a run.
        ResumeError: If the identities of the runs differ; the message lists the differences.
    """
    if not isinstance(found, dict):
        raise CheckpointError(f"{path}: expected what a run depends on, got {type(found).__name__}")
    if how := differences(found, settings_of(**expected)):
        message = f"is from another run, which differs: {how}"
        raise ResumeError(f"{path} {message}; {advice}, or choose another folder")


def _checked(out: Path, identity: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the record of a run and the files that its folder lacks."""
    record = _read(out)
    refuse_other(out / RECORD, record["identity"], identity, f"to train again, remove {out}")
    files = record["files"]
    missing = [name for name in files if not (out / name).is_file()]
    changed = [
        name
        for name, digest in files.items()
        if name not in missing and digest_in(out / name) != digest
    ]
    if damaged := [name for name in changed if name != CARD]:
        advice = "restore them, or remove them and run the same command again"
        raise CheckpointError(
            f"{out}: files of the finished run have changed: {few(damaged)}; {advice}"
        )
    if missing and out.is_symlink():
        advice = "run the command again with the name of the folder"
        raise CheckpointError(f"{out} is a link to a folder that lacks {few(missing)}; {advice}")
    added = [path.name for path in out.iterdir() if path.name not in (*files, RECORD)]
    if missing and (own := sorted(changed + added)):
        advice = f"move {few(own)}, which would be lost, and run the same command again"
        raise CheckpointError(
            f"{out}: files of the finished run are missing: {few(missing)}; {advice}"
        )
    return record, missing


def _read(out: Path) -> dict[str, Any]:
    path = out / RECORD
    if not path.is_file():
        raise CheckpointError(f"{out} already exists, without {RECORD}; choose a new folder")
    try:
        record = from_json(read_text(path), where=str(path))
    except FormatError as error:
        raise CheckpointError(f"{error}; choose a new folder") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise CheckpointError(f"{path}: expected a record of {FORMAT!r}; choose a new folder")
    if record.pop("sha256", None) != _checksum(record):
        raise CheckpointError(f"{path}: damaged: its checksum is wrong; choose a new folder")
    return record


def _checksum(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
