"""XQuAD: 240 paragraphs of the SQuAD v1.1 dev set with 1,190 questions, translated by people.

Official protocol: trained on SQuAD v1.1 (:mod:`xlgap.tasks.squad`), scored by SQuAD's EM and F1 with
the English normaliser in every language; the language-aware F1 stands beside it. Romanian was added in
XTREME-R. Of the hub's texts the spaces around them may be cut off and the offsets left as they were: an
answer is where its text stands nearest to its offset.
"""

from __future__ import annotations

from functools import partial

from xlgap.tasks._readers import hub
from xlgap.tasks._readers.declared import SQUAD_RECIPE
from xlgap.tasks._readers.qa import XQUAD_LABELLED, squad_unique
from xlgap.tasks.base import HubDataset, ReleaseFile, Span, Task

_GERMAN = (
    "Der Leuchtturm von Alexandria wurde unter Ptolemaios II. zwischen 284 und 246 v. Chr. gebaut."
)

TASK = Task(
    name="xquad",
    kind=Span(),
    role="target",
    family="qa",
    train_languages=(),
    eval_languages=("ar", "de", "el", "en", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh"),
    parallel=True,
    metrics=("f1", "em", "f1_aware", "em_aware"),
    proxy_train="squad",
    recipe=SQUAD_RECIPE,
    licence="CC BY-SA 4.0",
    citation="Artetxe et al. 2020, arXiv 1910.11856",
    release={
        "test": (
            ReleaseFile(
                path="xtreme_r/xquad/xquad.{language}.json",
                read=partial(squad_unique, labelled=XQUAD_LABELLED),
            ),
        )
    },
    hub=HubDataset(
        repo="google/xquad",
        revision="51adfef1c1287aab1d2d91b5bead9bcfb9c68583",
        config="xquad.{language}",
        splits={"test": "validation"},
        row=hub.at_nearest,
    ),
    sample=(
        {
            "language": "de",
            "id": "x1",
            "group": "1-1",
            "context": _GERMAN,
            "question": "Unter wem wurde der Leuchtturm gebaut?",
            "answers": {"text": ["Ptolemaios II."], "answer_start": [42]},
        },
        {
            "language": "de",
            "id": "x2",
            "group": "1-1",
            "context": _GERMAN,
            "question": "Wo stand der Leuchtturm?",
            "answers": {"text": ["Alexandria"], "answer_start": [19]},
        },
        {
            "language": "zh",
            "id": "x3",
            "group": "1-1",
            "context": "亚历山大灯塔建于托勒密二世时期。",
            "question": "灯塔建于谁的时期？",
            "answers": {"text": ["托勒密二世"], "answer_start": [8]},
        },
    ),
)
