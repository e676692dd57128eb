"""Where things lie in a study's directory. All paths are relative to it; pure."""

from __future__ import annotations

from pathlib import Path

PARAMS = Path("params.yaml")
GRAPH = Path("graph.yaml")

PREPARED = Path("data/prepared")
TRANSLATED = Path("data/translated")
CORPUS = Path("data/corpus")
TOKENIZER = Path("data/tokenizer/tokenizer.json")
INDEX = Path("data/index.json")
HELDOUT = Path("data/heldout")
HELDOUT_TEXT = HELDOUT / "text"
PRETRAINED = Path("models/pretrained")
WARM = Path("models/warm")
CHECKS = Path("results/checks")
LEAKAGE = Path("results/leakage.json")
PREDICTIONS = Path("results/predictions")
CHOSEN = Path("results/chosen")
SCORES = Path("results/scores")
RETENTION = Path("results/retention")
ASKED_AGAIN = RETENTION / "asked.json"
ITEMS = Path("results/items")
ANALYSIS = Path("results/analysis")
METRICS = Path("results/metrics.json")
PLOTS = Path("results/plots")
REPORT = Path("report")
PARTIAL = Path("report/partial")

ENCODED = Path("data/encoded")
SCRATCH = Path("scratch")
WEIGHTS = Path("weights")
JOURNAL = Path("journal")
LEAKS = JOURNAL / "leaks.json"
UNTOLD = JOURNAL / "untold"


def prepared(task: str) -> Path:
    """Directory of a prepared task."""
    return PREPARED / task


def rows(task: str, split: str, language: str) -> Path:
    """One prepared split of a task in one language."""
    return PREPARED / task / split / f"{language}.jsonl"


def translated(task: str, language: str) -> Path:
    """Directory of a task's English training rows in translation."""
    return TRANSLATED / task / language


def training_rows(task: str, language: str, *, translated_rows: bool) -> Path:
    """The training rows of a task in one language: prepared ones, or translations of the English."""
    if translated_rows:
        return translated(task, language) / "train.jsonl"
    return rows(task, "train", language)


def checks(task: str) -> Path:
    """Results of a task's expectation suite."""
    return CHECKS / f"{task}.json"


def data_docs(task: str) -> Path:
    """Great Expectations' pages about a task; they hold times, hence no out."""
    return JOURNAL / "data_docs" / task


def pretrained(model: str) -> Path:
    """Weights of a model, or the pointer to a hub checkpoint."""
    return PRETRAINED / model


def warm(model: str, arm: str) -> Path:
    """Weights after an arm's intermediate phases, one folder a seed, or a pointer."""
    return WARM / model / arm


def predictions(task: str, model: str, arm: str) -> Path:
    """Predictions of a cell, one folder a seed."""
    return PREDICTIONS / task / f"{model}-{arm}"


def retention(task: str, model: str, arm: str) -> Path:
    """Scores of a cell's earlier tasks after each of its phases."""
    return RETENTION / task / f"{model}-{arm}"


def chosen(task: str, model: str, arm: str) -> Path:
    """Predictions of a best-of cell: those of the cell that was chosen."""
    return CHOSEN / task / f"{model}-{arm}"


def scores(task: str) -> Path:
    """Scores of all cells of a task."""
    return SCORES / f"{task}.csv"


def items(task: str) -> Path:
    """Per-item statistics of all cells of a task."""
    return ITEMS / f"{task}.parquet"


def scratch(digest: str) -> Path:
    """Checkpoints of a training that is under way."""
    return SCRATCH / digest


def encoded(digest: str) -> Path:
    """Rows of a task, or lines of the corpus, as sub-words of a tokenizer; made again where missing."""
    return ENCODED / f"{digest}.arrow"


def weights(digest: str) -> Path:
    """Final weights of a training."""
    return WEIGHTS / digest


def journal(key: str, seed: int) -> Path:
    """Times, memory, host and run ids of one training; not deterministic, hence no out."""
    return JOURNAL / key / f"seed{seed}.json"
