"""MultiCheckList: what a model can do, test by test, on sentences made from templates.

The diagnostic suite of XTREME-R: six tests (comparisons, intensifiers, properties of things, job and
nationality, animal and vehicle, and who bought which) in 49 of its languages, all but Romanian; the
templates' Hausa is no language of the benchmark. A model trained on SQuAD v1.1 answers. The official
number is the error rate of a test, 100 minus its exact match; tests are the first part of an item's
group. Items are made when the data is prepared, see :mod:`xlgap.tasks._readers.multichecklist`; they
have the same ids and mean the same in every language, but a few languages lack some: not parallel.

There is no hub source: the suite was published as templates, and no table made from them was found on
the hub.
"""

from __future__ import annotations

from functools import partial

from xlgap.tasks._readers.declared import SQUAD_RECIPE
from xlgap.tasks._readers.multichecklist import read
from xlgap.tasks.base import ReleaseFile, Span, Task

LANGUAGES = (
    *("af", "ar", "az", "bg", "bn", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "gu", "he"),
    *("hi", "ht", "hu", "id", "it", "ja", "jv", "ka", "kk", "ko", "lt", "ml", "mr", "ms", "my", "nl"),
    *("pa", "pl", "pt", "qu", "ru", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "wo", "yo"),
    "zh",
)
_TEMPLATES = "xtreme_r/multichecklist/checklist_templates.tsv"

TASK = Task(
    name="multichecklist",
    kind=Span(),
    role="diagnostic",
    family="qa",
    train_languages=(),
    eval_languages=LANGUAGES,
    parallel=False,
    metrics=("f1", "em", "f1_aware", "em_aware"),
    proxy_train="squad",
    recipe=SQUAD_RECIPE,
    licence="Apache-2.0",
    citation="Ruder et al. 2021, arXiv 2104.07412; Ribeiro et al. 2020, arXiv 2005.04118",
    release={
        "test": tuple(
            ReleaseFile(path=_TEMPLATES, read=partial(read, language=code), languages=(code,))
            for code in LANGUAGES
        )
    },
    sample=(
        {
            "language": "en",
            "id": "comparisons-000-0",
            "group": "comparisons-000",
            "context": "Omar is older than Anton.",
            "question": "Who is less old?",
            "answers": {"text": ["Anton"], "answer_start": [19]},
        },
        {
            "language": "de",
            "id": "animal_vehicle-000-0",
            "group": "animal_vehicle-000",
            "context": "Martin besitzt ein Pferd und ein Boot.",
            "question": "Welches Tier besitzt Martin?",
            "answers": {"text": ["ein Pferd"], "answer_start": [15]},
        },
        {
            "language": "th",
            "id": "job_nationality-000-0",
            "group": "job_nationality-000",
            "context": "อดัมเป็นครูชาวลาว",
            "question": "อดัมทำงานอะไร",
            "answers": {"text": ["ครู"], "answer_start": [8]},
        },
    ),
)
