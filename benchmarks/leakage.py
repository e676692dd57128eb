"""The leakage gate over all real data, and its join beside datasketch's MinHash.

    python benchmarks/leakage.py audit [--threshold 0.6] [--task NAME ...] [--write]
    python benchmarks/leakage.py speed [--texts 20000]

``audit`` compares every training set (and every dev set that chooses a checkpoint) of the registry with
every test set, from the release files below XLGAP_DATA: what no single study does. It prints how many
test items each pair of data sets shares, with ids, says which documented exception covers them, and
ends with an error where one is stale or too small. ``--write`` writes ``leakage_known.txt``
anew: digests of the texts of which at most one test item in twenty is known. ``speed`` needs
``pip install datasketch``.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from xlgap.checks import leakage_known
from xlgap.checks.leakage import Leak, Place, Rows, leaks
from xlgap.checks.leakage_gate import items
from xlgap.checks.leakage_known import KNOWN, files_digest, listed, percent, text_digest
from xlgap.data.sources import has_split, load
from xlgap.errors import DataError
from xlgap.near import THRESHOLD, NearIndex, normal, shingles
from xlgap.tasks import get_task, task_names
from xlgap.tasks.base import Split

SHARE = 0.05  # of a language's test items, that an exception may let pass


def sets(split: Split, data: Path) -> Iterator[Rows]:
    """The sets of one split of every task that the release files have."""
    for task in map(get_task, task_names()):
        if not has_split(task, split, "release"):
            continue
        trained = ("en",) if task.own_dev else task.train_languages
        for code in task.eval_languages if split == "test" else trained:
            try:
                found = load(task, split, [code], source="release", data_dir=data)[code]
            except DataError:
                continue  # not in these release files
            yield Rows(
                place=Place(task.name, split, code),
                kind=task.kind,
                parallel=task.parallel,
                rows=found.rows,
                data=files_digest(found.origin),
            )


def audit(threshold: float, tasks: list[str], *, write: bool) -> int:
    """Print the leaks of the registry; returns an exit code."""
    data = Path(os.environ["XLGAP_DATA"])
    train = list(sets("train", data))
    train += [s for s in sets("dev", data) if get_task(s.place.task).recipe.select == "dev"]
    test = [rows for rows in sets("test", data) if not tasks or rows.place.task in tasks]
    print(f"{sum(len(s.rows) for s in train):,} training rows, {sum(len(s.rows) for s in test):,} test")
    since = time.monotonic()
    found = leaks(train, test, threshold=threshold)
    print(f"{len({p.pair for p in found}):,} pairs in {time.monotonic() - since:.0f} s")
    of: dict[tuple[str, str, str, str], list[Leak]] = defaultdict(list)
    for leak in found:
        of[leak.train.task, leak.train.split, leak.train.language, leak.test.task].append(leak)
    for (task, split, code, tested), pairs in sorted(of.items()):
        counts = Counter(language for language, _ in {(p.test.language, p.test_id) for p in pairs})
        shown = ", ".join(f"{language} {count}" for language, count in counts.most_common())
        named = dict.fromkeys(f"{p.train_id} <-> {p.test.language} {p.test_id}" for p in pairs)
        first = ", ".join(list(named)[:3])
        known = all(any(e.covers(p) for e in KNOWN) for p in pairs)
        print(f"{task}/{split}/{code} <-> {tested}: {shown} ({'known' if known else 'NEW'}; {first})")
    if write and not tasks:  # a part of the test sets would leave the others out
        _write(train, test, found)
    return _exceptions(found, tasks)


def _write(train: list[Rows], test: list[Rows], found: list[Leak]) -> None:
    sets = {rows.place: rows for rows in (*train, *test)}
    known: dict[tuple[Place, Place], list[Leak]] = defaultdict(list)
    for leak in found:
        known[leak.train, leak.test].append(leak)
    lists: dict[str, dict[str, int]] = defaultdict(dict)
    measured = {}
    for (trained, tested), pairs in known.items():
        if len({leak.test_id for leak in pairs}) > SHARE * len(sets[tested].rows):
            continue
        texts = lists[f"{trained.task}/{trained.split} {tested.task}"]
        for leak in pairs:
            name = text_digest(leak.test_text)
            texts[name] = max(texts.get(name, 0), percent(leak.similarity))
        measured |= {place: sets[place].data or "" for place in (trained, tested)}
    target = Path(leakage_known.__file__).with_suffix(".txt")
    target.write_text(listed(lists, measured), encoding="utf8")


def _exceptions(found: list[Leak], tasks: list[str]) -> int:
    wrong = 0
    open_pairs = {p.pair for p in found if not any(e.covers(p) for e in KNOWN)}
    for exception in KNOWN:
        if "release" not in exception.sources or (tasks and exception.test not in tasks):
            continue
        covered = items(p for p in found if exception.covers(p) and p.pair not in open_pairs)
        state = "stale" if not covered else "holds" if exception.allows(covered) else "too small"
        wrong += state != "holds"
        print(f"exception {exception}: {state} ({covered})")
    return int(bool(wrong))


def speed(count: int) -> int:
    """Time and recall of both, on texts of invented words of which one in ten has a near-duplicate."""
    from datasketch import MinHash, MinHashLSH

    generator = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(generator.choices(letters, k=generator.randint(2, 9))) for _ in range(5000)]
    test = [normal(" ".join(generator.choices(words, k=12))) for _ in range(count)]
    train = [normal(" ".join(generator.choices(words, k=12))) for _ in range(count - count // 10)]
    for text in generator.sample(test, count // 10):
        changed = list(text)
        for place in generator.sample(range(len(text)), 3):
            changed[place] = "x"
        train.append("".join(changed))
    since = time.perf_counter()
    exact = {(near.left, near.right) for near in NearIndex(test, THRESHOLD).matches(train)}
    ours = time.perf_counter() - since
    since = time.perf_counter()
    lsh = MinHashLSH(threshold=THRESHOLD, num_perm=128)
    sketched = []
    for texts in (test, train):
        sketches = MinHash.bulk([[s.encode() for s in shingles(text)] for text in texts], num_perm=128)
        sketched.append(sketches)
    for place, sketch in enumerate(sketched[0]):
        lsh.insert(place, sketch)
    proposed = {(i, j) for i, sketch in enumerate(sketched[1]) for j in lsh.query(sketch)}
    theirs = time.perf_counter() - since
    print(f"{count:,} x {count:,} texts, {len(exact):,} pairs at Jaccard {THRESHOLD}")
    print(f"exact join: {ours:.1f} s, all of them")
    print(
        f"datasketch (128 permutations): {theirs:.1f} s, {len(exact & proposed) / len(exact):.1%} of "
        f"them, and {len(proposed - exact):,} that are none"
    )
    print(f"ratio of times: {theirs / ours:.1f}")
    return 0


def main() -> int:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    audited = commands.add_parser("audit")
    audited.add_argument("--threshold", type=float, default=THRESHOLD)
    audited.add_argument("--task", nargs="*", default=[], help="test sets of these tasks alone")
    audited.add_argument("--write", action="store_true")
    timed = commands.add_parser("speed")
    timed.add_argument("--texts", type=int, default=20_000)
    given = parser.parse_args()
    return (
        speed(given.texts)
        if given.command == "speed"
        else audit(given.threshold, given.task, write=given.write)
    )


if __name__ == "__main__":
    sys.exit(main())
