"""MultiNLI: an English intermediate task, and the training data of XNLI.

English: the official recipe trains XNLI on it. Other languages have no MultiNLI. Eight have a set of
the same three labels that their speakers wrote, corrected or translated:

==== ========== ================================================ ============= =====================
code set        origin                                           train / dev   licence
==== ========== ================================================ ============= =====================
zh   OCNLI      written in Chinese; 10,000 of 50,437 to train on 9,985 / 2,950 CC BY-NC 2.0
id   IndoNLI    written in Indonesian, by lay people             9,153 / 1,924  annotations unstated
fa   FarsTail   made from exam questions in Persian              7,266 / 1,537 Apache-2.0
nl   SICK-NL    SICK, machine-translated and corrected           4,439 / 495   MIT; SICK CC BY-NC-SA
ko   KLUE-NLI   written in Korean; its dev set, divided          2,502 / 498   CC BY-SA 4.0
ja   JNLI       image captions written in Japanese               2,434 / 2,508 CC BY-SA 4.0
my   myXNLI     XNLI's dev set in Burmese, by people; divided    1,992 / 498   CC BY-NC 4.0
qu   AmericasN. 743 pairs of XNLI's dev set in Quechua; divided  597 / 146     CC BY-SA; XNLI BY-NC
==== ========== ================================================ ============= =====================

OCNLI's pairs without a majority label (``-``) are dropped and counted. Many of IndoNLI's premises are
sentences of the Indonesian treebanks: where UD-POS's test file lies in the directory, pairs of which a
text is a near-duplicate of a test sentence are dropped and counted (1,177 and 273), so that one study
may train on the one and be tested on the other. IndoNLI's and SICK-NL's train and dev sets share
premises, as released. JNLI's official train split is absent: its valid split trains,
its test split is dev, and no image is in both. Of myXNLI and AmericasNLI four premises in five train,
the fifth is dev; their test files, translations of XNLI's test set, are not read, nor is KorNLI, XNLI
in Korean.

In the other languages of XNLI its dev set stands in, 2,490 pairs of MultiNLI's genres translated by
people, four premises in five for training, the fifth for dev. XNLI's test premises are in neither.

A target-language arm thus trains on other premises than an English arm: its effect is *language +
domain*, and ``tasks.mnli.train_rows`` must be at most what the smallest has (1,992 of XNLI's dev set,
597 in Quechua) for arms to use equal numbers of rows.

Release files: MultiNLI's official ``multinli_1.0_train.jsonl`` and ``multinli_1.0_dev_matched.jsonl``
where the directory has the former; else 8,814 pairs of the matched dev set train and 1,001 are dev.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from xlgap.near import LEAST_WEIGHT, THRESHOLD, NearIndex, normal, weight
from xlgap.tasks._readers.declared import UPOS, XNLI_LANGUAGES
from xlgap.tasks._readers.hub import named
from xlgap.tasks._readers.pairs import NLI_LABELS, nli_json, nli_table
from xlgap.tasks._readers.text import dropped, filled, of_file, tab_pairs, tagged_sentences
from xlgap.tasks.base import Classify, HubDataset, Recipe, ReleaseFile, Row, Task

_OWN = ("fa", "id", "ja", "ko", "my", "nl", "qu", "zh")  # have a set of their own
_OTHERS = tuple(code for code in XNLI_LANGUAGES if code not in ("en", *_OWN))
_DEV_SHARE = 5  # one premise of XNLI dev, in whatever language, in five is for dev


def read(text: str) -> Iterator[Row]:
    """Rows of JSON lines with a premise, a hypothesis and a label; a group is a premise."""
    return nli_json(text)


def read_jnli(text: str) -> Iterator[Row]:
    """Rows of JNLI; a group is the image that both captions are of."""
    return nli_json(text, group=_image)


def _image(pair: Mapping[str, Any], number: int) -> str:
    key = "yjcaptions_id"
    return filled(pair.get(key), number, key).split("-")[0]


def read_indonli(text: str, tested: str) -> Iterator[Row]:
    """Rows of IndoNLI without those of which a text is, nearly, a sentence of the treebanks' test file.

    Args:
        text: of the file.
        tested: test file of UD-POS in Indonesian.
    """
    sentences = (normal(" ".join(row["tokens"])) for row in of_file(2, tagged_sentences(tested, UPOS)))
    index = NearIndex([s for s in sentences if weight(s) >= LEAST_WEIGHT], THRESHOLD)
    rows = list(read(text))
    texts = sorted({own for row in rows for own in _texts(row)})
    known = {texts[pair.left] for pair in index.matches(texts)}
    for row in rows:
        yield dropped("is a sentence of UD-POS's test file") if known & _texts(row) else row


def _texts(row: Row) -> set[str]:
    """What the leakage gate compares of a pair: its sentences, and both as one text."""
    own = {normal(row[key]) for key in ("text", "text_b")}
    return {
        text for text in (*own, normal(row["text"] + row["text_b"])) if weight(text) >= LEAST_WEIGHT
    }


def read_farstail(text: str) -> Iterator[Row]:
    """Rows of FarsTail: tab-separated, with fields in quotation marks."""
    return nli_table(text, ("premise", "hypothesis", "label"), quoted=True)


def read_sick(text: str) -> Iterator[Row]:
    """Rows of SICK-NL."""
    names = ("sentence_A", "sentence_B", "entailment_label")
    others = ("pair_ID", "relatedness_score", "sentence_A_original", "sentence_B_original")
    return nli_table(text, names, others=others)


def read_xnli_train(text: str) -> Iterator[Row]:
    """The training part of XNLI's dev set."""
    return _part(tab_pairs(text, NLI_LABELS), dev=False)


def read_xnli_dev(text: str) -> Iterator[Row]:
    """The dev part of XNLI's dev set."""
    return _part(tab_pairs(text, NLI_LABELS), dev=True)


def read_myxnli(text: str, *, dev: bool) -> Iterator[Row]:
    """One part of myXNLI's dev set."""
    return _part(nli_table(text, ("sentence1", "sentence2", "gold_label")), dev=dev)


def read_americas(text: str, *, dev: bool) -> Iterator[Row]:
    """One part of a dev set of AmericasNLI."""
    names = ("premise", "hypothesis", "label")
    return _part(nli_table(text, names, others=("id", "language")), dev=dev)


def _part(rows: Iterator[Row], *, dev: bool) -> Iterator[Row]:
    return (row for row in rows if (int(row["group"]) % _DEV_SHARE == 0) == dev)


def _hub_row(row: Mapping[str, Any]) -> Row:
    return {
        "id": str(row["row_number"]),
        "group": str(row["promptID"]),
        "text": row["premise"],
        "text_b": row["hypothesis"],
        "label": named(NLI_LABELS, row["label"]),
    }


_EN = ("en",)
_FOLDER = "intermediate_en/nli/mnli"
_TRAIN, _DEV = f"{_FOLDER}/multinli_1.0_train.jsonl", f"{_FOLDER}/multinli_1.0_dev_matched.jsonl"
_PART_TRAIN, _PART_DEV = f"{_FOLDER}/train.jsonl", f"{_FOLDER}/dev.jsonl"
_XNLI_DEV = "xtreme_r/xnli/dev-{language}.tsv"


def _own(
    code: str, folder: str, names: tuple[str, str], reader: Callable[[str], Iterator[Row]] = read
) -> tuple[ReleaseFile, ReleaseFile]:
    """A target-language set: its training and its dev file."""
    train, dev = (
        ReleaseFile(path=f"target_language/nli/{folder}/{name}", read=reader, languages=(code,))
        for name in names
    )
    return train, dev


def _divided(code: str, name: str, reader: Callable[..., Iterator[Row]]) -> tuple[ReleaseFile, ...]:
    """XNLI's dev set in a language that XNLI lacks: the part that trains, the part that is dev."""
    path = f"target_language/nli/xnli_ext/{name}"
    return tuple(
        ReleaseFile(path=path, read=partial(reader, dev=dev), languages=(code,))
        for dev in (False, True)
    )


_UDPOS = "xtreme_r/udpos/test-{language}.tsv"


def _indonli(name: str) -> ReleaseFile:
    """IndoNLI beside UD-POS, whose test sentences it has."""
    return ReleaseFile(
        path=f"target_language/nli/id_indonli/{name}",
        read=read_indonli,
        aligned=(_UDPOS,),
        needs=(_UDPOS,),
        languages=("id",),
    )


_OWN_TRAIN, _OWN_DEV = zip(
    _own("fa", "fa_farstail", ("Train-word.csv", "Val-word.csv"), read_farstail),
    _own("id", "id_indonli", ("train.jsonl", "val.jsonl")),
    _own("ja", "ja_jnli", ("valid-v1.3.json", "test-v1.3.json"), read_jnli),
    _own("ko", "ko_klue_nli", ("train.jsonl", "dev.jsonl")),
    _divided("my", "dev-my.tsv", read_myxnli),
    _own("nl", "nl_sick_nl", ("train.tsv", "dev.tsv"), read_sick),
    _divided("qu", "dev-quy.tsv", read_americas),
    _own("zh", "zh_ocnli", ("train.jsonl", "dev.jsonl")),
    strict=True,
)

TASK = Task(
    name="mnli",
    kind=Classify(labels=NLI_LABELS),
    role="intermediate",
    family="classification",
    train_languages=tuple(sorted({*XNLI_LANGUAGES, *_OWN})),
    eval_languages=(),
    parallel=False,
    metrics=("accuracy",),
    recipe=Recipe(learning_rate=2e-5, epochs=5, batch_rows=32, max_length=128),
    licence=(
        "MultiNLI: OANC and others, see the paper; XNLI: CC BY-NC 4.0; OCNLI: CC BY-NC 2.0; IndoNLI: "
        "annotations unstated; FarsTail: Apache-2.0; SICK-NL: MIT, of SICK CC BY-NC-SA 3.0; KLUE-NLI "
        "and JNLI: CC BY-SA 4.0; myXNLI: CC BY-NC 4.0; AmericasNLI: CC BY-SA 4.0, of XNLI"
        " CC BY-NC 4.0"
    ),
    noncommercial=True,
    noncommercial_in=tuple(sorted((*_OTHERS, "my", "nl", "qu", "zh"))),
    citation=(
        "Williams et al. 2018, arXiv 1704.05426; XNLI: Conneau et al. 2018, arXiv 1809.05053; "
        "OCNLI: Hu et al. 2020, arXiv 2010.05444; IndoNLI: Mahendra et al. 2021, arXiv 2110.14566; "
        "FarsTail: Amirkhani et al. 2020, arXiv 2009.08820; SICK-NL: Wijnholds and Moortgat 2021, "
        "arXiv 2101.05716; KLUE-NLI: Park et al. 2021, arXiv 2105.09680; JNLI: Kurihara, Kawahara and "
        "Shibata 2022, LREC; myXNLI: Htet and Dras 2025, arXiv 2504.09645; AmericasNLI: Ebrahimi et "
        "al. 2022, arXiv 2104.08726"
    ),
    release={
        "train": (
            ReleaseFile(path=_TRAIN, read=read, languages=_EN, needs=(_TRAIN,)),
            ReleaseFile(path=_PART_TRAIN, read=read, languages=_EN, needs=(_PART_TRAIN,)),
            ReleaseFile(path=_TRAIN, read=read, languages=_EN),  # names the file that is missing
            _indonli("train.jsonl"),
            *_OWN_TRAIN,
            ReleaseFile(path=_XNLI_DEV, read=read_xnli_train, languages=_OTHERS),
        ),
        "dev": (
            ReleaseFile(path=_DEV, read=read, languages=_EN, needs=(_TRAIN,)),
            ReleaseFile(path=_PART_DEV, read=read, languages=_EN, needs=(_PART_DEV,)),
            ReleaseFile(path=_DEV, read=read, languages=_EN),
            _indonli("val.jsonl"),
            *_OWN_DEV,
            ReleaseFile(path=_XNLI_DEV, read=read_xnli_dev, languages=_OTHERS),
        ),
    },
    hub=HubDataset(
        repo="nyu-mll/multi_nli",
        revision="da70db2af9d09693783c3320c4249840212ee221",
        config="default",
        splits={"train": "train", "dev": "validation_matched"},
        row=_hub_row,
        names={"en": "en"},
    ),
    sample=(
        {
            "language": "en",
            "id": "1",
            "group": "1",
            "text": "She sold the house and moved to the coast.",
            "text_b": "She moved.",
            "label": "entailment",
        },
        {
            "language": "en",
            "id": "2",
            "group": "1",
            "text": "She sold the house and moved to the coast.",
            "text_b": "The house was expensive.",
            "label": "neutral",
        },
        {
            "language": "de",
            "id": "3",
            "group": "2",
            "text": "Sie verkaufte das Haus und zog an die Küste.",
            "text_b": "Sie besitzt das Haus noch.",
            "label": "contradiction",
        },
    ),
)
