"""The picture of the layers, and the list of what each holds, from import-linter's contract.

What imports what is checked by ``lint-imports`` against ``pyproject.toml``; the picture is drawn from
the same lines, so that it cannot say anything else.
"""

from __future__ import annotations

import ast
import tomllib
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "xlgap."
WIDTH, ROW, GAP, MARGIN, LABEL = 980, 30, 8, 16, 34
LETTER = 7.2  # of the widest letters that names are made of, at 12.5 pixels
STYLE = (
    "text{font:12.5px ui-monospace,Menlo,Consolas,monospace;fill:#1c2b33}"
    ".n{fill:#7a8a93}.t{font:13px system-ui,sans-serif;fill:#33454f}"
    ".b{fill:#e4ecf1;stroke:#8fa3af}.p{fill:#fbfcfd;stroke:#ccd6dc}.h{fill:#f6ecd9;stroke:#c9a968}"
)


def contracts() -> list[dict[str, Any]]:
    """Import-linter's contracts."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))
    return list(settings["tool"]["importlinter"]["contracts"])


def layers() -> list[list[str]]:
    """Modules of ``xlgap`` from the highest layer to the lowest; those of one layer are independent."""
    (contract,) = (c for c in contracts() if c["type"] == "layers")
    return [[m.strip().removeprefix(PACKAGE) for m in line.split("|")] for line in contract["layers"]]


def borders() -> list[str]:
    """The rules on heavy libraries: the names of the other contracts."""
    return [str(c["name"]) for c in contracts() if c["type"] != "layers"]


def summary(module: str) -> str:
    """The first line of a module's docstring."""
    path = ROOT / "src" / "xlgap" / Path(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf8"))) or ""
    return text.split("\n")[0]


def picture() -> str:
    """The layers as SVG, the highest above."""
    rows, parts, top = layers(), [], MARGIN + LABEL
    for number, modules in zip(range(len(rows), 0, -1), rows, strict=True):
        parts.append(_row(number, modules, top))
        top += ROW + GAP
    top += GAP
    for name in borders():
        parts.append(_box("h", MARGIN, top, WIDTH - 2 * MARGIN))
        parts.append(f'<text class="t" x="{MARGIN + 12}" y="{top + 20}">{escape(name)}</text>')
        top += ROW + GAP
    height = top + MARGIN - GAP
    title = "Imports only go down: a module may import those of the rows below it, never of its own row"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            f'<text class="t" x="{MARGIN}" y="{MARGIN + 14}">{escape(title)}</text>',
            *parts,
            "</svg>\n",
        ]
    )


def _row(number: int, modules: list[str], top: int) -> str:
    """One layer: its number, and a box for each module."""
    left, width = MARGIN + 28, WIDTH - 2 * MARGIN - 28
    wanted = [len(m) * LETTER + 20 for m in modules]
    spare = (width - GAP * (len(modules) - 1) - sum(wanted)) / len(modules)
    assert spare >= 0, f"{modules} take more than the picture's width"
    found = [f'<text class="n" x="{MARGIN}" y="{top + 20}">{number}</text>']
    for module, needed in zip(modules, wanted, strict=True):
        box = needed + spare
        kind = "b" if _package(module) else "p"
        found.append(
            f'{_box(kind, left, top, box)}<text x="{left + box / 2:.1f}" y="{top + 20}" '
            f'text-anchor="middle">{escape(module)}</text>'
        )
        left += box + GAP
    return "\n".join(found)


def _box(kind: str, left: float, top: int, width: float) -> str:
    return f'<rect class="{kind}" x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROW}" rx="4"/>'


def _package(module: str) -> bool:
    return (ROOT / "src" / "xlgap" / Path(*module.split("."))).is_dir()


def table() -> str:
    """Every module of the contract with what it says of itself."""
    rows = layers()
    lines = ["| layer | module | what it is |", "| --- | --- | --- |"]
    for number, modules in zip(range(len(rows), 0, -1), rows, strict=True):
        for module in modules:
            name = f"{module}/" if _package(module) else f"{module}.py"
            lines.append(f"| {number} | `{name}` | {summary(module).replace('``', '`')} |")
    return "\n".join(lines)
