"""What a task is: a declaration of kind, languages, files, recipe and metrics.

One task is one file in this folder that defines ``TASK``; the folder is the registry, see
:func:`xlgap.tasks.get_task`. A task opens no file itself: it says which files hold it and how their
text is read; :mod:`xlgap.data` does the opening. Prepared rows follow the schema of the task's kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from xlgap.lab.world import World

Row = dict[str, Any]
DROPPED = "dropped"  # the one key of what a reader yields for a row that is no item: the reason
Split = Literal["train", "dev", "test", "candidates"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test", "candidates")
Role = Literal["target", "intermediate", "diagnostic", "supplementary"]


@dataclass(frozen=True, kw_only=True)
class Classify:
    """Label one text or a pair of texts.

    Row: ``{id, group, text, text_b?, label}``, ``label`` one of ``labels``.
    """

    labels: tuple[str, ...]
    pair: bool = True
    name: str = field(default="classify", init=False)


@dataclass(frozen=True, kw_only=True)
class Choose:
    """Choose one of several continuations; every choice is scored by one output.

    Row: ``{id, group, text, choices: [str], label: int}``, the index of the right choice.
    """

    choices: int
    name: str = field(default="choose", init=False)


@dataclass(frozen=True, kw_only=True)
class Tag:
    """Label every token.

    Row: ``{id, group, tokens: [str], tags: [str]}``. With ``bio`` tags are ``O``, ``B-X``, ``I-X``.
    Without ``tags`` the set is open: it is what the prepared training rows have.
    """

    tags: tuple[str, ...]
    bio: bool
    name: str = field(default="tag", init=False)


@dataclass(frozen=True, kw_only=True)
class Span:
    """Find the answer to a question in a context.

    Row: ``{id, group, context, question, answers: {text: [str], answer_start: [int]}}``; offsets count
    characters of ``context``. Only where some questions are ``unanswerable`` may a row have no answer.
    """

    unanswerable: bool = False
    name: str = field(default="span", init=False)


@dataclass(frozen=True, kw_only=True)
class Retrieve:
    """Find the translation of a sentence among all sentences of the other side.

    Row: ``{id, group, text, english}``: ``text`` in the row's language, ``english`` its translation.
    """

    name: str = field(default="retrieve", init=False)


@dataclass(frozen=True, kw_only=True)
class Rank:
    """Rank the candidates of a pool of all languages for a query; a dual encoder is trained to.

    Row: ``{id, group, text, targets: [str], candidate, context?}``: a query, the ids of the right
    candidates in the pool, and the text of the first of them, which is of the query's own language
    where there is one, with its ``context`` in a ``pair``. The pool is the split ``candidates``, see
    :class:`Candidate`; on dev it is the right candidates of the dev rows themselves.

    Attributes:
        pool: languages of the pool; all of them, whatever languages a study evaluates.
        query_length: sub-words of a query; a candidate has the recipe's ``max_length``.
    """

    pool: tuple[str, ...]
    query_length: int
    pair: bool
    name: str = field(default="rank", init=False)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What a row of the split ``candidates`` is; no task is of this kind.

    Row: ``{id, group, candidate, context?}``.
    """

    pair: bool
    name: str = field(default="candidate", init=False)


@dataclass(frozen=True, kw_only=True)
class Mine:
    """Find the pairs of translations among two lists of sentences, most of which have none.

    Row: ``{id, group, side, text, match}``; ``side`` is ``foreign`` (of the row's language) or
    ``english``, ``match`` the id of the English row that a foreign one is a translation of, or empty.
    """

    name: str = field(default="mine", init=False)


Kind = Classify | Choose | Tag | Span | Retrieve | Rank | Candidate | Mine


def can_translate(kind: Kind) -> bool:
    """Whether rows of a kind can be translated text by text; tags are of words, which move."""
    return isinstance(kind, Classify | Choose | Span)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a pretrained model is fine-tuned on the task, unless ``params.yaml`` says otherwise.

    Attributes:
        learning_rate: peak learning rate of AdamW.
        epochs: passes over the training rows.
        batch_rows: rows in a global batch.
        max_length: sub-words in a sequence.
        stride: sub-words of a long context from the start of a window to that of the next one
            (``Span`` only); a third of ``max_length`` at most.
        warmup_steps, weight_decay: of the optimizer.
        micro_rows: rows that a device takes in one forward pass, where they matter: a ranking task's
            loss is over them. As many as fit when ``None``.
        select: keep the checkpoint that is best on dev rows, English ones unless the arm trains on the
            target language's own, or the last one.
    """

    learning_rate: float = 2e-5
    epochs: float = 3.0
    batch_rows: int = 32
    max_length: int = 128
    stride: int = 128
    warmup_steps: int = 0
    weight_decay: float = 0.0
    micro_rows: int | None = None
    select: Literal["dev", "last"] = "dev"


@dataclass(frozen=True, kw_only=True)
class ReleaseFile:
    """Where the official release keeps one split of the task.

    Attributes:
        path: pattern below the data directory; ``{language}`` and ``{iso639_3}`` are filled in.
        read: from the file's text to rows without ``language``; raises DataError naming the line, of an
            aligned file as ``file 2, line 7: ...``.
        aligned: patterns of further files (line-aligned, or with the labels), whose texts ``read``
            takes after the first one's, in this order.
        by_language: whether the file has all languages; rows then have the key ``language``, and those
            of the language asked for are kept.
        languages: languages that this file pattern covers; all of the split's when ``None``.
        needs: patterns of files without which this declaration does not count, and the split's next
            one for the language does: what stands in for an official file that a release lacks.
    """

    path: str
    read: Callable[..., Iterator[Row]]
    aligned: tuple[str, ...] = ()
    by_language: bool = False
    languages: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()
    stands_in: str = ""  # of a test split that is not the official one: which files it is from


@dataclass(frozen=True, kw_only=True)
class HubDataset:
    """Where the Hugging Face hub keeps the task, as parquet at a pinned revision.

    Attributes:
        repo: dataset repository.
        revision: commit hash.
        config: pattern of the configuration name; ``{language}`` is filled in.
        splits: our split to the hub's, or to several joined by ``+``.
        row: from a hub row, with ``row_number`` counted from 1, to a prepared row without ``language``,
            or to ``{DROPPED: reason}``.
        names: what the hub calls each language, and which ones it has; our codes and all the task's
            languages when ``None``.
        language_of: from a hub row to what the hub calls its language, where one configuration has
            them all.
        finish: from a split and what reads one to the rows of the former, where a row by itself does
            not tell: which part of a divided split it is in, or whether a later split has it, too.
        more: further repositories; a language's rows are those of all that have it, in this order.
    """

    repo: str
    revision: str
    config: str
    splits: Mapping[Split, str]
    row: Callable[[Mapping[str, Any]], Row]
    names: Mapping[str, str] | None = None
    language_of: Callable[[Mapping[str, Any]], str] | None = None
    finish: Callable[[Split, Callable[[Split], Iterator[Row]]], Iterable[Row]] | None = None
    more: tuple[HubDataset, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task of the benchmark, or one that a model is trained on before it.

    Attributes:
        name: file name without ``.py``; matches ``[a-z0-9_]+``.
        kind: head, row schema and metrics family.
        role: scored at the end, or trained on the way there.
        train_languages: languages with training data; English must be among them unless
            ``proxy_train`` is set.
        eval_languages: languages with test data.
        parallel: whether the test sets are translations of each other (item ids then agree).
        metrics: names in :mod:`xlgap.evaluation.metrics`; the first is the primary one.
        proxy_train: the task whose training data stand in where this one has none.
        own_dev: whether a training on the proxy's English data is selected on this task's own English
            dev rows in place of the proxy's, as its official script does.
        preliminary: tasks that the official recipe trains on in English before this one, in order.
        contains: tasks whose training data are part of this one's, maybe in another form.
        recipe: fine-tuning defaults.
        licence, citation: of the data; ``noncommercial`` where the licence says so, of the languages
            ``noncommercial_in`` alone where there are any.
        release, hub, lab: the three sources; ``None`` where the task is not to be had there. Of a
            language's declarations of a release split the first is the official one.
            ``lab(world, split, rows, seed)`` yields rows ``{language, ...}`` of every language of
            ``world``, parallel across languages.
        sample: three raw rows with ``language``: documentation and test fixture.
        family: the benchmark group (classification, structured, qa, retrieval).
    """

    name: str
    kind: Kind
    role: Role
    family: str
    train_languages: tuple[str, ...]
    eval_languages: tuple[str, ...]
    parallel: bool
    metrics: tuple[str, ...]
    recipe: Recipe
    licence: str
    citation: str
    noncommercial: bool = False
    noncommercial_in: tuple[str, ...] = ()
    proxy_train: str | None = None
    own_dev: bool = False
    preliminary: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    release: Mapping[Split, tuple[ReleaseFile, ...]] | None = None
    hub: HubDataset | None = None
    lab: Callable[[World, Split, int, int], Iterable[Row]] | None = None
    sample: tuple[Row, ...] = ()

    def noncommercial_of(self, languages: Iterable[str]) -> tuple[str, ...]:
        """Those of ``languages`` whose data are not for commercial use."""
        marked = self.noncommercial_in or languages
        return tuple(sorted({*languages} & {*marked})) if self.noncommercial else ()

    def kind_of(self, split: Split) -> Kind:
        """What the rows of a split are."""
        if split == "candidates":
            assert isinstance(self.kind, Rank), f"task '{self.name}' has no candidates"
            return Candidate(pair=self.kind.pair)
        return self.kind

    def has_split(self, split: Split, source: str) -> bool:
        """Whether ``source`` has ``split`` of the task; one trained by proxy has no train split."""
        if source == "release":
            return split in (self.release or {})
        if source == "hub":
            return self.hub is not None and split in self.hub.splits
        return self.lab is not None

    def has_dev(self, source: str) -> bool:
        """Whether trainings on it have dev rows; one that keeps its last checkpoint needs none."""
        return self.recipe.select == "dev" or self.has_split("dev", source)

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that serve this task."""
        have = {"lab": self.lab, "release": self.release, "hub": self.hub}
        return tuple(name for name, source in have.items() if source is not None)
