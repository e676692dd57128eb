"""XCOPA: which of two sentences is the cause, or the effect, of a premise? 11 languages.

Official protocol: trained on SocialIQA and then, with the same head, on English COPA, so that what is
called direct here contains an English intermediate stage; an arm with ``preliminary: false`` is trained
on COPA alone. Test sets are translations of COPA's test set and of each other; the English one is no
part of XTREME-R's data, so that gaps to English cannot be measured on this task.

The released files ask for the effect where the other languages ask for the cause in some questions of
id (4 of 500), it (4), sw (37), tr (51) and th (250, all of them): the labels are those of the right
question. They are read as released, since published scores are on these files; a low score in Thai is
partly this.
"""

from __future__ import annotations

from xlgap.tasks._readers import hub
from xlgap.tasks._readers.choice import copa as read
from xlgap.tasks._readers.declared import COPA_RECIPE, XCOPA_LANGUAGES
from xlgap.tasks.base import Choose, HubDataset, ReleaseFile, Task

TASK = Task(
    name="xcopa",
    kind=Choose(choices=2),
    role="target",
    family="classification",
    train_languages=(),
    eval_languages=XCOPA_LANGUAGES,
    parallel=True,
    metrics=("accuracy",),
    proxy_train="copa",
    preliminary=("socialiqa",),
    recipe=COPA_RECIPE,
    licence="CC BY 4.0",
    citation="Ponti et al. 2020, arXiv 2005.00333",
    release={"test": (ReleaseFile(path="xtreme_r/xcopa/test.{language}.jsonl", read=read),)},
    hub=HubDataset(
        repo="cambridgeltl/xcopa",
        revision="042f78955ba48e6404616762fa6e05e839c3907a",
        config="{language}",
        splits={"test": "test"},
        row=hub.copa,
    ),
    sample=(
        {
            "language": "it",
            "id": "0",
            "group": "0",
            "text": "Il traghetto rimase nel porto. What was the cause?",
            "choices": ["Si alzò una tempesta.", "I passeggeri scesero a terra."],
            "label": 0,
        },
        {
            "language": "sw",
            "id": "1",
            "group": "1",
            "text": "Mwokaji alisahau mkate kwenye tanuri. What was the effect?",
            "choices": ["Alinunua unga zaidi.", "Jikoni kulijaa moshi."],
            "label": 1,
        },
        {
            "language": "vi",
            "id": "2",
            "group": "2",
            "text": "Chiếc phà ở lại trong cảng. What was the cause?",
            "choices": ["Một cơn bão kéo đến.", "Hành khách lên bờ."],
            "label": 0,
        },
    ),
)
