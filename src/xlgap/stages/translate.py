"""Stage: English training rows of an intermediate task in another language, by translation."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from xlgap import layout
from xlgap.arms import wanted_translations
from xlgap.checkout import model_directory
from xlgap.data.translated import by_translator, from_file, translated
from xlgap.errors import unknown
from xlgap.formats import atomic_dir, dir_digest, file_digest, write_json, write_jsonl
from xlgap.regimes.base import Translations
from xlgap.stages.study import Study
from xlgap.tasks.base import Kind, Row

if TYPE_CHECKING:
    from xlgap.stages.by_model import ModelTranslation


def translate(study: Study, task: str, language: str) -> None:
    """``xlgap translate TASK LANGUAGE``: ``data/translated/TASK/LANGUAGE``, rows and a manifest.

    Rows have the ids, groups and labels of the English ones, and meet the expectations that rows of
    their kind must meet.

    Raises:
        UnknownNameError: no arm of the study trains on such rows.
        DataError: the translations are missing or do not fit the English rows.
        ExpectationError: the translated rows are not what rows of the kind must be.
    """
    from xlgap.checks.validate import check_rows

    wanted = wanted_translations({arm.name: arm.spec for arm in study.grid.arms})
    if (task, language) not in wanted:
        raise unknown("translation", f"{task} {language}", (" ".join(pair) for pair in wanted))
    source, kind = wanted[task, language], study.task(task).kind
    english, by = study.rows(task, "train", "en"), told_of(source)
    model = None
    if source.hub is not None:
        from xlgap.stages.by_model import ModelTranslation

        model = ModelTranslation(source, language, told=by, name=f"translate {task} {language}")
        texts = by_translator(kind, english, model)
    else:
        texts = _texts(study, task, language, source, kind=kind, english=english)
    made = translated(kind, english, texts)
    with atomic_dir(layout.translated(task, language)) as folder:
        path = folder / layout.training_rows(task, language, translated_rows=True).name
        write_jsonl(path, made.rows)
        check_rows(study.task(task), "translated", language, made.rows, folder / "checks.json")
        manifest = {
            "task": task,
            "language": language,
            "by": by,
            "english_rows": len(english),
            "english_sha256": file_digest(layout.rows(task, "train", "en"), 64),
            "rows": len(made.rows),
            "dropped": len(made.dropped),  # answers that are not in the translated context
            "sha256": file_digest(path, 64),
            **({} if model is None else model.facts()),
        }
        write_json(folder / "manifest.json", manifest)
    if model is not None:
        _warn(model, f"translate {task} {language}")
        model.remove()


def _warn(model: ModelTranslation, name: str) -> None:
    """Texts whose ends are not in the translation, where there are any."""
    if model.cut:
        print(
            f"{name}: {model.cut} texts are longer than the model reads; their ends are not translated",
            file=sys.stderr,
        )
    if model.unfinished:
        print(
            f"{name}: {model.unfinished} translations were ended at their most sub-words",
            file=sys.stderr,
        )


def told_of(source: Translations) -> dict[str, Any]:
    """Who translated; of a model that is a directory also which bytes it holds."""
    told = {k: v for k, v in asdict(source).items() if v}
    folder = None if source.hub is None else model_directory(source.hub)
    return told if folder is None else {**told, "files_sha256": dir_digest(folder, 64)}


def _texts(
    study: Study, task: str, language: str, source: Translations, *, kind: Kind, english: list[Row]
) -> list[list[str]]:
    """The translated texts of each row, from a file or by the lab."""
    if source.file is not None:
        listed = study.manifest(task)["splits"]["train"]["en"]
        path = study.root / source.file.format(task=task, language=language)
        whole = listed["rows"] == listed["released_rows"]
        return from_file(path, kind, english, whole=whole)
    from xlgap.lab.phrasebook import phrase_book

    book = phrase_book(language)
    return by_translator(kind, english, lambda found: [book.translate(text) for text in found])
