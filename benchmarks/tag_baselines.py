"""What tagging without a model scores on a study's prepared English data: the bars for its models.

    python benchmarks/tag_baselines.py [--directory STUDY] [--task udpos]

Prints token accuracy, in percent, of the most frequent tag of the training data, and of each word's
most frequent tag there (lower-cased; a word that was not seen gets the most frequent tag of all).
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from pathlib import Path

from xlgap import layout
from xlgap.formats import read_jsonl


def pairs(path: Path) -> list[tuple[str, str]]:
    """Lower-cased tokens with their tags."""
    return [
        (token.lower(), tag)
        for row in read_jsonl(path)
        for token, tag in zip(row["tokens"], row["tags"], strict=True)
    ]


def main() -> None:
    """Count on the training data, score on the test data."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--directory", type=Path, default=Path("studies/real_small"))
    parser.add_argument("--task", default="udpos")
    arguments = parser.parse_args()
    folder = arguments.directory / layout.prepared(arguments.task)
    train, test = (pairs(folder / split / "en.jsonl") for split in ("train", "test"))
    tags = Counter(tag for _, tag in train)
    of_word: dict[str, Counter[str]] = defaultdict(Counter)
    for token, tag in train:
        of_word[token][tag] += 1
    commonest = tags.most_common(1)[0][0]
    known = {token: counts.most_common(1)[0][0] for token, counts in of_word.items()}
    always = sum(tag == commonest for _, tag in test) / len(test)
    by_word = sum(tag == known.get(token, commonest) for token, tag in test) / len(test)
    print(f"{len(test)} test tokens; always {commonest}: {100 * always:.1f}")
    print(f"each word's most frequent tag: {100 * by_word:.1f}")


if __name__ == "__main__":
    main()
