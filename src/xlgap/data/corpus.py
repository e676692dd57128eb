"""The text that the from-scratch ladder is pretrained on: one line a sentence, one file a language."""

from __future__ import annotations

import hashlib
import heapq
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from xlgap.config import Params
from xlgap.data import schema
from xlgap.data.prepare import row_limit, split_languages
from xlgap.data.sources import ReleaseDirectory, load
from xlgap.errors import DataError
from xlgap.formats import atomic_dir, file_digest, write_json
from xlgap.tasks import get_task
from xlgap.tasks.base import Split

Sets = Mapping[str, Mapping[Split, Sequence[str]]]
"""By task and split, languages."""


def prepare_corpus(
    params: Params, out: Path, *, data_dir: Path | None, again: Sets | None = None
) -> dict[str, Any]:
    """Write ``OUT/<language>.txt`` and ``OUT/manifest.json``; return the manifest.

    Lines that equal a sentence of a target task's test data (but for white space and case), or of rows
    that earlier tasks may be scored on again, are dropped.

    Args:
        params: the study; ``pretrain.corpus_lines`` bounds the lines of each language.
        out: directory to write; replaced as a whole.
        data_dir: directory of release files; ``None`` where the source is another one.
        again: the sets of rows that earlier tasks may be scored on again.

    Returns:
        ``{source, languages}`` with ``languages[code] = {lines, characters, dropped, sha256}``.

    Raises:
        DataError: a file is missing or damaged; a language has no line left.
    """
    codes = params.languages.pretraining
    banned = evaluation_sentences(params, data_dir, again)
    facts: dict[str, dict[str, Any]] = {}
    with atomic_dir(out) as folder:
        files = {c: (folder / f"{c}.txt").open("w", encoding="utf8", newline="\n") for c in codes}
        try:
            facts = {code: {"lines": 0, "characters": 0, "dropped": 0} for code in files}
            for code, line in corpus_lines(params, data_dir):
                if _sides(line) & banned:
                    facts[code]["dropped"] += 1
                    continue
                files[code].write(line + "\n")
                facts[code]["lines"] += 1
                facts[code]["characters"] += len(line)
        finally:
            for file in files.values():
                file.close()
        for code, fact in facts.items():
            if not fact["lines"]:
                raise DataError(
                    f"pretraining language '{code}' has no line of text; take it out of "
                    "'languages.pretraining' or give it text."
                )
            fact["sha256"] = file_digest(folder / f"{code}.txt", 64)
        manifest = {"source": params.study.source, "languages": facts}
        write_json(folder / "manifest.json", manifest)
    return manifest


def corpus_lines(params: Params, data_dir: Path | None) -> Iterator[tuple[str, str]]:
    """Lines as (language, line), at most ``pretrain.corpus_lines`` of each pretraining language.

    The release files are blocks of several sources one after another; the lines with the smallest
    SHA-256 stay, in their order, so that every source keeps its share.

    Raises:
        DataError: see :func:`prepare_corpus`.
    """
    count, codes = params.pretrain.corpus_lines, params.languages.pretraining
    if params.study.source == "lab":
        from xlgap.lab.corpus import lines
        from xlgap.lab.world import World

        yield from lines(World(codes), count * len(codes), params.pretrain.seed)
        return
    directory = ReleaseDirectory.open(data_dir, wanted_by="the pretraining text")
    for code in codes:
        text, _ = directory.read(f"pretrain/{code}.txt")
        for line in _sample([line for line in text.split("\n") if line.strip()], count):
            yield code, line
        if params.pretrain.parallel_lines and code != "en":
            pairs = parallel_lines(directory, code)
            yield from ((code, line) for line in _sample(pairs, params.pretrain.parallel_lines))


TRIES = 20
"""Generated lines that are looked at for each held-out one: many are in the corpus by chance."""


def heldout_lines(
    params: Params,
    corpus: Mapping[str, Iterable[str]],
    count: int,
    data_dir: Path | None,
    *,
    again: Sets | None = None,
) -> dict[str, list[str]]:
    """At most ``count`` lines of each language that pretraining has not seen, from the same source.

    A line is seen that stands in the corpus of any language (but for white space and case): as a line,
    as a side of one, or with its own two sides in the other order. Of release files those are taken
    whose SHA-256 comes next after the lines of the corpus; a language whose text is in the corpus as a
    whole has none.

    Args:
        params: of the study.
        corpus: the lines of the whole corpus by language.
        count: of lines.
        data_dir: directory of release files; ``None`` where the source is another one.
        again: see :func:`prepare_corpus`.

    Raises:
        DataError: a release file is missing or damaged.
    """
    banned = evaluation_sentences(params, data_dir, again)
    seen = {text for lines in corpus.values() for line in lines for text in _texts_of(_sides(line))}
    found = {}
    for code in corpus:
        fresh = ((line, _sides(line)) for line in _further(params, code, count, data_dir))
        kept = (line for line, sides in fresh if sides not in seen and not sides & banned)
        found[code] = list(islice(dict.fromkeys(kept), count))
    return found


def _sides(line: str) -> frozenset[str]:
    """The sides of a line in their normal form: two where a tab stands between them."""
    return frozenset(normal(part) for part in line.split("\t"))


def _texts_of(sides: frozenset[str]) -> Iterator[frozenset[str]]:
    """What is read with a line: the whole of it, and each of its sides alone."""
    yield sides
    yield from (frozenset({side}) for side in sides)


def _further(params: Params, code: str, count: int, data_dir: Path | None) -> Iterator[str]:
    """Lines of a language behind those that the corpus has taken."""
    if params.study.source == "lab":
        from xlgap.lab.corpus import line

        seed, first = params.pretrain.seed, params.pretrain.corpus_lines
        for number in range(first, first + TRIES * count):
            yield line(code, random.Random(f"corpus/{seed}/{code}/{number}"))
        return
    directory = ReleaseDirectory.open(data_dir, wanted_by="the pretraining text")
    text, _ = directory.read(f"pretrain/{code}.txt")
    lines = [line for line in text.split("\n") if line.strip()]
    yield from sorted(lines, key=lambda line: hashlib.sha256(line.encode()).digest())


PARALLEL = ("parallel/ntrex128/{code}.txt", "parallel/flores200/{code}.devtest")
"""Aligned files of the release directory: line n says the same in every language."""


def corpus_names(params: Params) -> Iterator[str]:
    """The release files that the pretraining text may come from; some of them need not be there."""
    codes = params.languages.pretraining
    yield from (f"pretrain/{code}.txt" for code in codes)
    if params.pretrain.parallel_lines:
        yield from (pattern.format(code=code) for code in ("en", *codes) for pattern in PARALLEL)


def parallel_lines(directory: ReleaseDirectory, code: str) -> list[str]:
    """English sentences and their translations, parted by a tab (Conneau and Lample 2019, TLM).

    Sources that lack the language are passed over.

    Raises:
        DataError: a file has another number of lines than its English side; no source has the language.
    """
    pairs: list[str] = []
    for pattern in PARALLEL:
        name = pattern.format(code=code)
        if directory.stored(name) is None:
            continue
        sides = [directory.read(pattern.format(code=c))[0].splitlines() for c in ("en", code)]
        if len(sides[0]) != len(sides[1]):
            raise DataError(
                f"{directory.root / name}: {len(sides[1])} lines, its English side has "
                f"{len(sides[0])}; fetch both again."
            )
        pairs += ["\t".join(pair) for pair in zip(*sides, strict=True)]
    if not pairs:
        raise DataError(
            f"no parallel text in '{code}' below {directory.root / 'parallel'}; set "
            "'pretrain.parallel_lines' to 0 or take the language out of 'languages.pretraining'."
        )
    return pairs


def evaluation_sentences(params: Params, data_dir: Path | None, again: Sets | None = None) -> set[str]:
    """The texts of rows that are scored, in their normal form: all that the source has of them.

    Args:
        params: of the study, whose target tasks' test rows they are.
        data_dir: directory of release files; ``None`` where the source is another one.
        again: and those that earlier tasks may be scored on, see :func:`~xlgap.retained.scored_sets`.
    """
    found: set[str] = set()
    for name, split, languages in _scored(params, again or {}):
        task = get_task(name)
        loaded = load(
            task,
            split,
            languages,
            source=params.study.source,
            data_dir=data_dir,
            lab_rows=row_limit(params.task(name), split),
        )
        found.update(
            normal(text)
            for language in loaded.values()
            for row in language.rows
            for text in schema.texts(task.kind, row)
        )
    return found


def _scored(params: Params, again: Sets) -> Iterator[tuple[str, Split, Sequence[str]]]:
    for name in params.tasks:
        languages = split_languages(get_task(name), params).get("test")
        if languages:
            yield name, "test", languages
    for name, splits in again.items():
        yield from ((name, split, languages) for split, languages in splits.items())


def normal(text: str) -> str:
    """``text`` without white space, in lower case: tokenised and plain sentences become equal."""
    return "".join(text.split()).casefold()


def _sample(lines: list[str], count: int) -> list[str]:
    if len(lines) <= count:
        return lines
    keys = ((hashlib.sha256(line.encode()).digest(), i) for i, line in enumerate(lines))
    return [lines[i] for i in sorted(i for _, i in heapq.nsmallest(count, keys))]
