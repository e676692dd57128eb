"""Prints the F1 of each language of udpos_mock.txt by the seqeval that is installed, and their mean.

With seqeval 0.0.12, as in make_bio_chunks.py, these are the lines ``f1`` of that file::

    venv/bin/python score_udpos_mock.py
"""

from importlib.metadata import version
from pathlib import Path

from seqeval.metrics import f1_score

tags: dict[tuple[str, str], list[list[str]]] = {}
for line in Path(__file__).with_name("udpos_mock.txt").read_text(encoding="utf8").splitlines():
    language, what, text = line.split(" ", 2)
    if what in ("labels", "predictions"):
        tags[language, what] = [sentence.split() for sentence in text.split(" / ")]
languages = sorted({language for language, _ in tags} - {"#"})
scores = [float(100 * f1_score(tags[c, "labels"], tags[c, "predictions"])) for c in languages]
for language, score in zip(languages, scores, strict=True):
    print(language, "f1", score)
print("# mean", sum(scores) / len(scores), "by seqeval", version("seqeval"))
