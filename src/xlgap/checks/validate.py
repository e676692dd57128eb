"""Validation of prepared data by Great Expectations; the first failure stops with one sentence."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlgap.checks import pool, short
from xlgap.checks.frames import LanguageTable, Rows, Training, language_table, row_table
from xlgap.checks.scripts import script_share
from xlgap.checks.suite import language_expectations, row_expectations, script_expectation
from xlgap.config import Params
from xlgap.data import schema
from xlgap.data.prepare import split_languages
from xlgap.errors import DataError, ExpectationError
from xlgap.formats import atomic_dir, read_json, read_jsonl, write_json
from xlgap.languages import get_language
from xlgap.regimes.base import trained_on
from xlgap.tasks import get_task
from xlgap.tasks.base import SPLITS, Row, Task

if TYPE_CHECKING:
    import pandas as pd

_EXAMPLES = 5  # ids shown of each failed expectation


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The outcome of one expectation.

    Attributes:
        split: train, dev, test, or ``all`` for the language table.
        expectation: its type, such as ``expect_column_values_to_be_in_set``.
        column: what it looks at.
        says: what it asks for, in words.
        success: whether it is met.
        failing: number of rows (or ids) that do not meet it, by ``split/language``.
        examples: first ids of these.
    """

    split: str
    expectation: str
    column: str
    says: str
    success: bool
    failing: Mapping[str, int]
    examples: Mapping[str, Sequence[str]]


def validate(
    task: Task,
    params: Params,
    prepared: Path,
    out: Path,
    docs: Path | None = None,
    *,
    proxy: Path | None = None,
) -> tuple[Finding, ...]:
    """Check the prepared data of ``task`` and write the results to ``out``.

    Args:
        task: the task.
        params: the study.
        prepared: directory of the prepared task, with ``manifest.json``.
        out: JSON file of results; the same bytes for the same data.
        docs: directory for the Data Docs (HTML); none are made when ``None``.
        proxy: directory of the prepared task that trains this one, if there is one; its training rows
            must not be among the test rows either.

    Returns:
        One finding an expectation; all are met.

    Raises:
        DataError: a prepared file is missing or not JSON.
        ExpectationError: the first expectation that is not met, with task, language, split, rows and
            first ids. Results and Data Docs are written before.
    """
    wanted = split_languages(task, params)
    splits = {split: _read(prepared / split) for split in SPLITS if (prepared / split).is_dir()}
    if proxy is None:
        training = Training(task.kind, splits.get("train", {}))
    else:
        training = Training(get_task(trained_on(task)).kind, _read(proxy / "train"))
    manifest = read_json(prepared / "manifest.json")
    languages = language_table(task, splits, manifest, training)
    tables: dict[str, tuple[pd.DataFrame, list[Any]]] = {
        split: (row_table(task.kind_of(split), rows), row_expectations(task.kind_of(split)))
        for split, rows in splits.items()
    }
    tables["all"] = (languages.frame, language_expectations(task, wanted))
    with nullcontext() if docs is None else atomic_dir(docs) as folder:
        findings = tuple(_run(task, tables, languages, folder))
    failed = [finding for finding in findings if not finding.success]
    write_json(out, _report(task, wanted, findings) | _pool_of(manifest))
    if failed:
        raise ExpectationError(
            _sentence(task, failed[0], len(failed), languages, generated=params.study.source == "lab")
        )
    return findings


def check_rows(task: Task, split: str, language: str, rows: Sequence[Row], out: Path) -> None:
    """Check rows of one language that no source gave, such as translations; write results to ``out``.

    They must be what rows of their kind must be, and be written in the language's script.

    Args:
        task: whose rows they are.
        split: what errors call them.
        language: of the rows.
        rows: as in a prepared file.
        out: JSON file of results; the same bytes for the same rows.

    Raises:
        ExpectationError: the first expectation that is not met.
    """
    import pandas as pd

    where = f"{split}/{language}"
    texts = [text for row in rows for text in schema.texts(task.kind, row)]
    share = script_share(texts, get_language(language).script)
    languages = LanguageTable(
        pd.DataFrame({"where": [where], "language": [language], "split": [split], "rows": [len(rows)],
                      "script_share": [share]})
    )  # fmt: skip
    tables = {
        split: (row_table(task.kind, {language: rows}), row_expectations(task.kind)),
        "all": (languages.frame, [script_expectation()]),
    }
    findings = tuple(_run(task, tables, languages, None))
    failed = [finding for finding in findings if not finding.success]
    write_json(out, _report(task, {split: [language]}, findings))
    if failed:
        raise ExpectationError(_sentence(task, failed[0], len(failed), languages, generated=False))


def _read(folder: Path) -> Rows:
    """The rows of every ``<language>.jsonl`` of a split."""
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise DataError(f"{folder}: no prepared file; run 'xlgap prepare' for this task first.")
    return {path.stem: read_jsonl(path) for path in files}


def _run(
    task: Task,
    tables: Mapping[str, tuple[pd.DataFrame, list[Any]]],
    languages: LanguageTable,
    docs: Path | None,
) -> list[Finding]:
    """Run the suites in one context that leaves nothing behind."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # read when the package is imported
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas(task.name)
    if docs is not None:
        context.update_data_docs_site("local_site", _site(docs))
    findings: list[Finding] = []
    for split, (frame, expectations) in tables.items():
        name = f"{task.name}-{split}"
        batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
        suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
        definition = gx.ValidationDefinition(name=name, data=batch, suite=suite)
        result = context.validation_definitions.add(definition).run(
            batch_parameters={"dataframe": frame}, result_format=_result_format(split)
        )
        findings += [_finding(split, found, languages) for found in result.results]
    if docs is not None:
        context.build_data_docs()
        _name_last(docs)
    return findings


def _result_format(split: str) -> dict[str, Any]:
    return {
        "result_format": "COMPLETE",
        "unexpected_index_column_names": ["split" if split == "all" else "id", "language"],
        "return_unexpected_index_query": False,
    }


def _site(docs: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(docs.absolute()),
        },
    }


def _name_last(docs: Path) -> None:
    """Name pages of results ``last`` where Great Expectations names them after the moment of the run.

    A second run on the same data then writes over what the first one left, here and in MLflow; the
    moment stands on the page.
    """
    made = list(docs.glob("validations/*/*/*Z"))
    for page in docs.rglob("*.html"):
        text = page.read_text(encoding="utf8")
        for folder in made:
            text = text.replace(f"/{folder.name}/", "/last/")
        page.write_text(text, encoding="utf8")
    for folder in made:
        folder.rename(folder.with_name("last"))


# What the language table calls a share, by the column whose ids are counted.
_COUNTED = {"duplicate_share": "duplicates", "known_share": "known", "unpaired": "unpaired"}
_COUNTED |= {name: name for name in (*pool.COLUMNS, *short.COLUMNS)}


def _finding(split: str, found: Any, languages: LanguageTable) -> Finding:
    """Great Expectations' result of one expectation, in our words."""
    config, raised = found.expectation_config, found.exception_info
    assert not raised.get("raised_exception"), raised.get("exception_message")
    arguments = config.kwargs
    column = arguments.get("column") or ", ".join(
        arguments.get("column_list") or (arguments["column_A"], arguments["column_B"])
    )
    failing: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    for index in () if found.success else found.result.get("unexpected_index_list", ()):
        where = f"{index.get('split', split)}/{index['language']}"
        ids = languages.ids.get((*where.split("/"), _COUNTED.get(column, "")))  # type: ignore[arg-type]
        ids = ids if split == "all" else [str(index["id"])]
        failing[where] += len(ids) if ids else 1
        examples[where] = (examples.get(where, []) + (ids or []))[:_EXAMPLES]
    if not found.success and not failing:
        failing.update(_distinct(found.result))
    return Finding(
        split=split,
        expectation=config.type,
        column=column,
        says=config.meta["says"],
        success=bool(found.success),
        failing=dict(sorted(failing.items())),
        examples=dict(sorted(examples.items())),
    )


def _distinct(result: Mapping[str, Any]) -> dict[str, int]:
    """Splits and languages that are missing or too many, of the coverage expectation."""
    lists = ("partial_missing_list", "partial_unexpected_list")
    return {str(where): 0 for key in lists for where in result.get(key, ())}


def _report(
    task: Task, wanted: Mapping[Any, Sequence[str]], findings: Sequence[Finding]
) -> dict[str, Any]:
    return {
        "task": task.name,
        "splits": {split: sorted(codes) for split, codes in wanted.items()},
        "evaluated": len(findings),
        "successful": sum(finding.success for finding in findings),
        "success": all(finding.success for finding in findings),
        "findings": [vars(finding) for finding in findings],
    }


def _pool_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The digests of candidates: predictions depend on them, and on these results by the graph."""
    candidates = manifest["splits"].get("candidates", {})
    return {"candidates": {code: f["sha256"] for code, f in candidates.items()}} if candidates else {}


def _sentence(
    task: Task, finding: Finding, failed: int, languages: LanguageTable, *, generated: bool
) -> str:
    """The one sentence for the user; ``generated`` data cannot be corrected by hand."""
    where, count = next(iter(finding.failing.items()))
    split, _, language = where.partition("/")
    others = len(finding.failing) - 1
    ids = finding.examples.get(where, ())
    shown = f" (ids {', '.join(ids)}{', ...' if count > len(ids) else ''})" if ids else ""
    total = languages.frame.query("where == @where")["rows"].sum()
    of = f"{count} of {total} rows do not meet it{shown}" if count else "it is not met"
    more = f"; {others} more languages fail it" if others else ""
    more += f"; {failed - 1} more expectations fail" if failed > 1 else ""
    remedy = (
        f"this data is generated: ask for fewer rows of '{task.name}' in params.yaml"
        if generated
        else "correct the source data and prepare the task again"
    )
    return (
        f"task '{task.name}', language '{language}', split '{split}': expected that {finding.says} "
        f"({finding.expectation} on {finding.column}), but {of}{more}; {remedy}."
    )
