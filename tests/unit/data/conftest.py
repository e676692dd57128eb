"""A hub on this disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import datasets
import pytest
from datasets import Dataset, Features
from hub_tables import Put

from xlgap.tasks.base import Row


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Writes a split of a repository as the hub has it: parquet and, but for conversions, a card."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    cards: dict[str, dict[str, list[str]]] = {}

    def write(
        repo: str,
        config: str,
        split: str,
        features: Features,
        rows: Sequence[Row],
        *,
        card: bool = True,
    ) -> None:
        path = f"{config}/{split}-00000-of-00001.parquet" if card else f"{config}/{split}/0000.parquet"
        (tmp_path / repo / path).parent.mkdir(parents=True, exist_ok=True)
        filled = [{name: row.get(name) for name in features} for row in rows]
        Dataset.from_list(filled, features=features).to_parquet(tmp_path / repo / path)
        if card:
            splits = cards.setdefault(repo, {}).setdefault(config, [])
            splits.append(f"  - split: {split}\n    path: {config}/{split}-*\n")
            configs = (
                f"- config_name: {name}\n  data_files:\n{''.join(files)}"
                for name, files in cards[repo].items()
            )
            (tmp_path / repo / "README.md").write_text(f"---\nconfigs:\n{''.join(configs)}---\n")

    return write
