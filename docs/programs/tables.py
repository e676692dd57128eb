"""Tables of the manual that are made from the code: tasks, commands, decisions."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

from xlgap.analysis.rows import ENGLISH, GAP_WORDS, MATCHED
from xlgap.commands import parser
from xlgap.evaluation import ledger
from xlgap.listings import of_benchmark, recipe_text
from xlgap.tasks import get_task, task_names
from xlgap.tasks.base import ReleaseFile, Task

ROOT = Path(__file__).resolve().parents[2]
GROUPS = {
    "target": "Target tasks",
    "intermediate": "Intermediate tasks",
    "diagnostic": "Diagnostic suite",
    "supplementary": "Beside the benchmark",
}
SPLITS = ("train", "dev", "test", "candidates")
_ROLE = re.compile(r":[a-z]+:`~?(?P<name>[^`]+)`")


def table(header: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    cells = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in cells)


def tasks(role: str) -> list[Task]:
    """Tasks of a role whose data are a release's; the lab's are made up."""
    found = (get_task(name) for name in task_names())
    return [t for t in found if t.role == role and set(t.sources) != {"lab"}]


def task_table() -> str:
    """The benchmark's tasks: languages, what trains them and how, what they are scored by."""
    header = ("task", "scored in", "parallel", "recipe", "score", "sources")
    return table(
        header,
        [
            (
                f"[{task.name}](#{task.name})",
                _counted(task.eval_languages or task.train_languages),
                "yes" if task.parallel else "no",
                recipe_text(task) + _select(task),
                ledger.summary(task),
                ", ".join(task.sources),
            )
            for role in ("target", "intermediate")
            for task in tasks(role)
            if of_benchmark(task)
        ],
    )


def _select(task: Task) -> str:
    """Which checkpoint counts."""
    trained = task.proxy_train is None or task.kind.name not in ("retrieve", "mine")
    if not trained:
        return ""
    return "; best on dev" if task.recipe.select == "dev" else "; last weights"


def _counted(codes: tuple[str, ...]) -> str:
    return codes[0] if len(codes) == 1 else f"{len(codes)} languages"


def task_sections() -> str:
    """A section a task: its languages, files, and what its declaration says of data and differences."""
    parts = []
    for role, title in GROUPS.items():
        parts.append(f"## {title}")
        parts += [_section(task) for task in tasks(role)]
    return "\n\n".join(parts)


def _section(task: Task) -> str:
    title, _, rest = (importlib.import_module(f"xlgap.tasks.{task.name}").__doc__ or "").partition("\n")
    facts = [("kind", task.kind.name)]
    facts.append(("scored in", " ".join(task.eval_languages) or "nothing: it trains"))
    facts.append(("trains in", _trains(task)))
    for split in SPLITS:
        if task.release and split in task.release:
            facts.append((f"{split} files", _files(task.release[split])))
    if task.hub is not None:
        revisions = ((hub.repo, hub.revision[:8]) for hub in (task.hub, *task.hub.more))
        facts.append(("hub", ", ".join(f"`{repo}` at `{revision}`" for repo, revision in revisions)))
    facts.append(("licence", task.licence))
    facts.append(("cite", task.citation))
    text = markdown(rest)
    return "\n\n".join(
        [f"### {task.name}", markdown(title), table(("", ""), facts), *([text] if text else [])]
    )


def _trains(task: Task) -> str:
    own = " ".join(task.train_languages)
    if task.proxy_train is None:
        return own
    before = f"first {', '.join(task.preliminary)}, then " if task.preliminary else ""
    return f"{before}the data of {task.proxy_train}" + (f", beside its own in {own}" if own else "")


def _files(declared: tuple[ReleaseFile, ...]) -> str:
    """Patterns below the data directory, each once, in the order in which they are looked for."""
    seen = dict.fromkeys(path for file in declared for path in (file.path, *file.aligned))
    return "<br>".join(f"`{path}`" for path in seen)


def markdown(text: str) -> str:
    """A docstring as Markdown: roles become names, a table of text stays one.

    >>> markdown("as :func:`xlgap.tasks.get_task` and ``x`` say")
    'as `get_task` and `x` say'
    """
    text = _ROLE.sub(lambda role: f"`{role['name'].rpartition('.')[2]}`", text.strip())
    paragraphs = []
    for paragraph in text.replace("``", "`").split("\n\n"):
        drawn = paragraph.lstrip().startswith("====")
        paragraphs.append(f"```text\n{paragraph}\n```" if drawn else paragraph)
    return "\n\n".join(paragraphs)


def commands() -> str:
    """Every command with its words and options."""
    (sub,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    told = {choice.dest: choice.help or "" for choice in sub._choices_actions}
    people, stages = [], []
    for name, command in sub.choices.items():
        said = told[name]
        (stages if said.startswith("stage: ") else people).append(_command(name, said, command))
    return "\n\n".join(["## For people", *people, "## Stages of the graph", STAGES, *stages])


STAGES = (
    "`dvc.yaml` calls these in a study's directory, with the words that `graph.yaml` gives. By hand "
    "they serve to look at one step."
)


def _command(name: str, said: str, command: argparse.ArgumentParser) -> str:
    """One command: what it does, its words and options."""
    actions = [a for a in command._actions if not isinstance(a, argparse._HelpAction)]
    words = [a for a in actions if not a.option_strings]
    usage = " ".join([f"xlgap {name}", *(_word(a) for a in words)])
    text = said.removeprefix("stage: ")
    parts = [f"### {name}", f"`{usage}`: {text}."]
    if command.description and command.description != said:
        parts.append(command.description.replace("%%", "%"))
    options = [(f"`{_option(a)}`", _help(a)) for a in actions if a.option_strings]
    return "\n\n".join([*parts, *([table(("option", ""), options)] if options else [])])


def _word(action: argparse.Action) -> str:
    name = action.dest.upper()
    return f"[{name}]" if action.nargs == "?" else name


def _option(action: argparse.Action) -> str:
    value = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
    if action.choices:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    more = " ..." if action.nargs == "+" else ""
    return f"{', '.join(action.option_strings)} {value}".strip() + more


def _help(action: argparse.Action) -> str:
    said = (action.help or "").replace("%%", "%")
    known = action.default if action.nargs != 0 else None
    if known is None or "default" in said:
        return said
    return f"{said} (default: {known})".strip()


def decisions() -> str:
    """The decisions, by number."""
    rows = []
    for path in sorted((ROOT / "docs" / "adr").glob("0*.md")):
        title = path.read_text(encoding="utf8").split("\n")[0].removeprefix("# ")
        number, _, said = title.partition(" ")
        rows.append((number.rstrip("."), f"[{said}]({path.name})"))
    return table(("", "decision"), rows)


def results() -> str:
    """The pages of measured results, by their titles."""
    rows = []
    for path in sorted((ROOT / "docs" / "results").glob("*/README.md")):
        title = path.read_text(encoding="utf8").split("\n")[0].removeprefix("# ")
        rows.append((f"[{title}]({path.parent.name}/README.md)",))
    return table(("page",), rows)


def gaps() -> str:
    """Names of gaps and other quantities, in words; not those in English alone or at a budget."""
    ends = (ENGLISH, *MATCHED)
    plain = {name: words for name, words in GAP_WORDS.items() if not name.endswith(ends)}
    return table(("name", "quantity"), [(f"`{name}`", words) for name, words in plain.items()])
