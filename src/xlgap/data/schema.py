"""The schema of prepared rows: one for each kind of task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from xlgap.tasks.base import (
    Candidate,
    Choose,
    Classify,
    Kind,
    Mine,
    Rank,
    Retrieve,
    Row,
    Span,
    Tag,
)


def keys(kind: Kind) -> frozenset[str]:
    """The keys that a prepared row has, no more and no less."""
    own = {
        "classify": {"text", "text_b", "label"},
        "choose": {"text", "choices", "label"},
        "tag": {"tokens", "tags"},
        "span": {"context", "question", "answers"},
        "retrieve": {"text", "english"},
        "rank": {"text", "targets", "candidate", "context"},
        "candidate": {"candidate", "context"},
        "mine": {"side", "text", "match"},
    }[kind.name]
    if isinstance(kind, Classify) and not kind.pair:
        own = own - {"text_b"}
    if isinstance(kind, Rank | Candidate) and not kind.pair:
        own = own - {"context"}
    return frozenset(own | {"id", "group"})


def texts(kind: Kind, row: Row) -> list[str]:
    """The texts of a row that a model reads, without labels and answers."""
    match kind:
        case Classify():
            return [row["text"], row["text_b"]] if kind.pair else [row["text"]]
        case Choose():
            return [row["text"], *row["choices"]]
        case Tag():
            return [" ".join(row["tokens"])]
        case Span():
            return [row["context"], row["question"]]
        case Retrieve():
            return [row["text"], row["english"]]
        case Rank():
            return [row["text"], row["candidate"], *([row["context"]] if kind.pair else [])]
        case Candidate():
            return [row["candidate"], *([row["context"]] if kind.pair else [])]
        case Mine():
            return [row["text"]]


def problem(kind: Kind, row: Row) -> str | None:
    """What is wrong with a prepared row, as a clause, or ``None``."""
    if set(row) != keys(kind):
        return f"expected the keys {', '.join(sorted(keys(kind)))}, got {', '.join(sorted(row))}"
    for key in ("id", "group"):
        if not _is_text(row[key]):
            return f"expected a non-empty text as '{key}', got {row[key]!r}"
    return _CHECKS[kind.name](kind, row)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _first_no_text(row: Row, names: Sequence[str]) -> str | None:
    for name in names:
        if not _is_text(row[name]):
            return f"expected a non-empty text as '{name}', got {row[name]!r}"
    return None


def _classify(kind: Any, row: Row) -> str | None:
    if row["label"] not in kind.labels:
        return f"label {row['label']!r} is outside the set; allowed: {', '.join(kind.labels)}"
    return _first_no_text(row, ("text", "text_b") if kind.pair else ("text",))


def _choose(kind: Any, row: Row) -> str | None:
    choices, label = row["choices"], row["label"]
    if len(choices) != kind.choices or not all(map(_is_text, choices)):
        return f"expected {kind.choices} non-empty choices, got {choices!r}"
    if not isinstance(label, int) or not 0 <= label < kind.choices:
        return f"label {label!r} is outside the set; allowed: 0 to {kind.choices - 1}"
    return _first_no_text(row, ("text",))


def _tag(kind: Any, row: Row) -> str | None:
    tokens, tags = row["tokens"], row["tags"]
    if not tokens or len(tokens) != len(tags):
        return f"expected as many tags as tokens and at least one, got {len(tokens)} and {len(tags)}"
    if not all(map(_is_text, tokens)):
        return "a token is empty"
    outside = sorted(set(tags) - set(kind.tags))
    if outside and kind.tags:
        return f"tag {outside[0]!r} is outside the set; allowed: {', '.join(kind.tags)}"
    return None


def _span(kind: Any, row: Row) -> str | None:
    answers: Mapping[str, Any] = row["answers"]
    if set(answers) != {"text", "answer_start"} or not (answers["text"] or kind.unanswerable):
        return "expected 'answers' with 'text' and 'answer_start' and at least one answer"
    for text, start in zip(answers["text"], answers["answer_start"], strict=True):
        if row["context"][start : start + len(text)] != text:
            return f"answer {text!r} does not stand at offset {start}"
    return _first_no_text(row, ("context", "question"))


def _retrieve(kind: Any, row: Row) -> str | None:
    return _first_no_text(row, ("text", "english"))


def _rank(kind: Any, row: Row) -> str | None:
    if not row["targets"] or not all(map(_is_text, row["targets"])):
        return f"expected at least one id of a candidate as 'targets', got {row['targets']!r}"
    return _first_no_text(row, ("text", "candidate", "context") if kind.pair else ("text", "candidate"))


def _candidate(kind: Any, row: Row) -> str | None:
    return _first_no_text(row, ("candidate", "context") if kind.pair else ("candidate",))


def _mine(kind: Any, row: Row) -> str | None:
    if row["side"] not in {"foreign", "english"}:
        return f"side {row['side']!r} is outside the set; allowed: foreign, english"
    if not isinstance(row["match"], str) or (row["match"] and row["side"] == "english"):
        return f"expected as 'match' the id of an English row, or '', got {row['match']!r}"
    return _first_no_text(row, ("text",))


_CHECKS: Mapping[str, Callable[[Any, Row], str | None]] = {
    "classify": _classify,
    "choose": _choose,
    "tag": _tag,
    "span": _span,
    "retrieve": _retrieve,
    "rank": _rank,
    "candidate": _candidate,
    "mine": _mine,
}
