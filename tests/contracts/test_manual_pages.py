"""The manual says what the code says: parts made from it, error sentences, options, keys of a study."""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from manual_pages import HISTORY, LANGUAGES, ROOT, SHELL, Command, blocks, commands, pages, text_of

from xlgap.commands import parser
from xlgap.config import check, load_params

DOCS = ROOT / "docs"
WHOLE = {"models", "arms", "tasks", "intermediate"}
ELLIPSIS = "…"


@pytest.fixture(scope="module")
def made():
    """The program that writes the made parts."""
    sys.path.insert(0, str(DOCS / "programs"))
    try:
        import made

        yield made
    finally:
        sys.path.remove(str(DOCS / "programs"))


def test_parts_that_are_made_from_the_code_are_fresh(made):
    assert [str(path) for path in made.stale()] == [], "run 'make docs'"


def test_a_part_that_says_something_else_is_stale(made):
    page = text_of("docs/adr/index.md")
    assert made.filled(page) == page
    changed = page.replace("A study is a directory", "A study is a file")
    assert changed != page
    assert made.filled(changed) == page


def test_the_picture_has_every_layer_and_border(made):
    import layers

    picture = (DOCS / "images" / "layers.svg").read_text(encoding="utf8")
    modules = [module for row in layers.layers() for module in row]
    assert len(modules) > 40
    assert not [m for m in modules if f">{m}<" not in picture]
    assert not [name for name in layers.borders() if f">{name}<" not in picture]


def test_every_block_says_what_it_is():
    unnamed = [b.where for p in pages() for b in blocks(p) if b.language not in LANGUAGES]
    assert unnamed == [], f"name the language of these blocks, one of {', '.join(LANGUAGES)}"


def test_only_blocks_that_would_be_run_say_why_they_are_not():
    for page in pages():
        found = blocks(page)
        marks = re.findall(r"^ *<!-- (not run|not read):", text_of(page), flags=re.MULTILINE)
        assert len(marks) == sum(b.mark is not None for b in found), f"{page}: no block behind a mark"
        assert not [b.where for b in found if b.mark == "not run" and b.language not in SHELL]
        assert not [b.where for b in found if b.mark == "not read" and b.language != "yaml"]


def test_a_test_that_a_reason_names_is_there():
    said = [(b.where, b.said) for page in pages() for b in blocks(page) if b.mark]
    named = [(where, name) for where, why in said for name in re.findall(r"tests/\S+\.py", why)]
    assert len(named) > 3
    assert not [pair for pair in named if not (ROOT / pair[1]).is_file()]


def test_a_block_without_a_word_before_it_is_run():
    page = "```sh\na\n```\n\n<!-- not run: needs Slurm -->\n```sh\nb\n```\n"
    first, second = blocks("x.md", page)
    assert (first.mark, first.text, first.line) == (None, "a\n", 1)
    assert (second.mark, second.said, second.text) == ("not run", "needs Slurm", "b\n")


# -- error sentences ---------------------------------------------------------------------------------


def sentences() -> list[str]:
    """Every text of the sources, with … where a value is put in."""
    found = []
    for folder in ("src/xlgap", "flows"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
                if isinstance(node, ast.JoinedStr | ast.BinOp | ast.Constant):
                    found.append(rendered(node))
    return sorted({text for text in found if len(text) > 3})


def rendered(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(rendered(v) if isinstance(v, ast.Constant) else ELLIPSIS for v in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return f"{rendered(node.left) or ELLIPSIS}{rendered(node.right) or ELLIPSIS}"
    return ""


def quoted() -> list[tuple[int, str]]:
    """The messages in the tables of the page, with their lines."""
    found, of_messages = [], False
    for number, line in enumerate(text_of("docs/troubleshooting.md").splitlines(), 1):
        if not line.startswith("|"):
            of_messages = False
        elif line.startswith("| message"):
            of_messages = True
        elif of_messages and not line.startswith("| ---"):
            found.append((number, line.split("|")[1].strip()))
    return found


def pattern(message: str) -> re.Pattern[str]:
    """What finds a quoted message: … is whatever a sentence has there."""
    parts = [re.escape(part) for part in message.strip(ELLIPSIS).split(ELLIPSIS)]
    return re.compile(r"[^\0]{0,90}?".join(parts))


def test_every_message_that_the_page_quotes_is_in_the_sources():
    known = "\0".join(sentences())
    lost = []
    for line, cell in quoted():
        assert re.fullmatch(r"`[^`]+`", cell), f"line {line}: a message stands alone, in backticks"
        message = cell.strip("`")
        assert len(re.sub(r"[^a-zA-Z]", "", message)) >= 8, f"line {line}: too short"
        if not pattern(message).search(known):
            lost.append(f"{line}: {message}")
    assert len(quoted()) > 80
    assert lost == []


def test_a_message_that_nothing_says_is_noticed():
    known = "\0".join(sentences())
    assert not pattern("no task of the study has training data in '…'").search(known)
    assert pattern("no task of the study has test data in '…'").search(known)


def test_no_message_stands_twice():
    messages = [message for _, message in quoted()]
    assert sorted(messages) == sorted(set(messages))


# -- commands and their options ----------------------------------------------------------------------


def named(*programs: str) -> list[Command]:
    """The commands of these programs that pages name, but for pages of what once was."""
    read = [page for page in pages() if not page.startswith(HISTORY)]
    return [c for page in read for c in commands(page) if c.words[0] in programs]


def choices(of: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            return action.choices
    return {}


def options(of: argparse.ArgumentParser) -> set[str]:
    return {option for action in of._actions for option in action.option_strings}


def wrong(command: Command, top: argparse.ArgumentParser) -> Iterator[str]:
    """What a command names that a parser, or that of its words, does not know."""
    known, at = options(top), top
    for name in command.names:
        if not choices(at):
            break
        for one in name.split("|"):
            if one not in choices(at):
                yield f"{command.where}: {command.words[0]} has no '{one}'"
                return
        at = choices(at)[name.split("|")[0]]
        known |= options(at)
    for option in command.options:
        if option not in known:
            yield f"{command.where}: {' '.join(command.words[:3])} has no {option}"


def test_xlgap_knows_the_words_and_options_that_pages_name():
    found = named("xlgap")
    assert len(found) > 60
    assert [w for command in found for w in wrong(command, parser())] == []


def test_a_wrong_option_is_noticed():
    [said] = wrong(Command("x:1", ("xlgap", "plan", "--hardwear", "this")), parser())
    assert said == "x:1: xlgap plan --hardwear has no --hardwear"
    [said] = wrong(Command("x:1", ("xlgap", "plann")), parser())
    assert said == "x:1: xlgap has no 'plann'"


def test_dvc_knows_the_words_and_options_that_pages_name():
    from dvc.cli.parser import get_main_parser

    found = named("dvc")
    assert len(found) > 5
    assert [w for command in found for w in wrong(command, get_main_parser())] == []


def test_targets_of_make_that_pages_name_are_there():
    files = text_of("Makefile") + text_of("docker/targets.mk")
    targets = set(re.findall(r"^([a-z-]+):", files, flags=re.MULTILINE))
    for command in named("make"):
        words = [word for word in command.words[1:] if "=" not in word]
        assert set(words) <= targets, command


def asked(command: Command) -> list[tuple[str, ...]]:
    """The programs whose help knows the options of a command: the whole, and that of its words."""
    words = command.words[1:] if command.words[0] == "python" else command.words
    top, names = words[:1], Command(command.where, words).names
    return [top, (*top, *names)] if names else [top]


def helps(wanted: set[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """What these programs say of themselves."""
    ordered = sorted(wanted)
    done = subprocess.run(
        [sys.executable, "tests/programs/helps.py"],
        input=json.dumps(ordered),
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(ordered, json.loads(done.stdout), strict=True))


def test_programs_know_the_options_that_pages_name():
    scripts = [c for c in named("python") if c.words[1:] and c.words[1].endswith(".py")]
    assert not [c.where for c in scripts if not (ROOT / c.words[1]).is_file()]
    found = [c for c in (*scripts, *named("prefect")) if c.options]
    assert len({c.words[:3] for c in found}) > 5
    known = helps({words for command in found for words in asked(command)})
    for command in found:
        said = "".join(known[words] for words in asked(command))
        assert said, f"{command.where}: {' '.join(command.words)} has no help"
        lost = [o for o in command.options if not re.search(rf"(?<![\w-]){o}\b", said)]
        assert not lost, f"{command.where}: {' '.join(command.words)} does not know {lost}"


def test_study_files_that_pages_name_are_there():
    for page in pages():
        if page.startswith(HISTORY):
            continue
        for name in re.findall(r"studies/([a-z_]+)\.yaml", text_of(page)):
            assert (ROOT / "studies" / f"{name}.yaml").is_file(), f"{page}: studies/{name}.yaml"


# -- keys of a study ---------------------------------------------------------------------------------


def test_parts_of_a_study_in_pages_are_valid():
    base = yaml.safe_load(text_of("params.yaml"))
    load_params(ROOT / "params.yaml")
    read = [b for p in pages() for b in blocks(p) if b.language == "yaml" and b.mark != "not read"]
    assert len(read) > 8
    for block in read:
        part = yaml.safe_load(block.text)
        assert set(part) <= set(base), block.where
        for key, section in part.items():
            kept = {} if key in WHOLE else base[key]
            part[key] = {**kept, **section}
        check({**base, **part}, Path(block.where))


# -- what stands at the top --------------------------------------------------------------------------


def test_citation_and_package_agree():
    cited = yaml.safe_load(text_of("CITATION.cff"))
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    assert {"cff-version", "message", "title", "authors"} <= set(cited)
    assert cited["version"] == project["version"]
    assert cited["license"] == project["license"] == "Apache-2.0"
    assert "Apache License" in text_of("LICENSE")
    assert "Version 2.0, January 2004" in text_of("LICENSE")


def test_links_of_pages_that_stand_at_the_top_lead_somewhere():
    for page in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
            if not re.match(r"[a-z]+:|#", target):
                assert (ROOT / target.split("#")[0]).exists(), f"{page}: {target}"
