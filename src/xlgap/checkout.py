"""The checkout that a study lies in, and what a study names by a path from there."""

from __future__ import annotations

from pathlib import Path

from xlgap.errors import ConfigError


def checkout_root(start: Path) -> Path:
    """The directory with ``.dvc`` that holds ``start``.

    Raises:
        ConfigError: ``start`` lies in no checkout.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / ".dvc").is_dir():
            return folder
    raise ConfigError(
        f"{start.resolve()}: not inside an xlgap checkout (no .dvc directory above it); "
        "change to the checkout."
    )


def model_directory(hub: str) -> Path | None:
    """The directory that ``hub`` names; ``None`` where it names a repository.

    A relative path counts from the checkout, wherever in it a command runs; outside of any checkout,
    from the current directory.
    """
    try:
        root = checkout_root(Path.cwd())
    except ConfigError:
        root = Path()
    folder = root / hub
    return folder if folder.is_dir() else None


def model_place(hub: str) -> str:
    """What the hub's client loads for ``hub``: that directory, or the repository as it is named."""
    return str(model_directory(hub) or hub)
