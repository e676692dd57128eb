r"""Tables as LaTeX: the ``tabular`` of a :class:`~xlgap.report.grids.Grid`, with booktabs rules.

The text needs ``\usepackage{array,booktabs}`` and an engine or ``inputenc`` that reads UTF-8. Every
character that LaTeX gives a meaning is escaped; signs of the report's own sentences are written out.
"""

from __future__ import annotations

from xlgap.report.grids import Grid

NEEDS = "% needs \\usepackage{array,booktabs}"
LONG = 34
"""Characters from which on a column is set in lines instead of one."""
WIDTH = "0.3\\linewidth"
SIGNS = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "[": "{[}",
    "]": "{]}",
    "\N{MINUS SIGN}": "$-$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{GREEK SMALL LETTER RHO}": r"$\rho$",
    "\N{EN DASH}": "--",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{NO-BREAK SPACE}": "~",
    "\n": " ",
}
"""Brackets are grouped: at the start of a row ``\\\\`` would take them for its own argument."""
TABLE = str.maketrans(SIGNS)


def escaped(text: str) -> str:
    r"""``text`` as LaTeX prints it.

    >>> escaped("50% of xlm_r [1]")
    '50\\% of xlm\\_r {[}1{]}'
    """
    return text.translate(TABLE)


def latex(grid: Grid) -> str:
    r"""The table as a ``table`` environment with caption, label and booktabs rules.

    >>> print(latex(Grid(name="n", title="T", columns=("x",), rows=(("a_b", "1.0"),))))
    % needs \usepackage{array,booktabs}
    \begin{table}[htbp]
    \centering\small
    \caption{T}
    \label{tab:n}
    \begin{tabular}{lr}
    \toprule
    Model & x \\
    \midrule
    a\_b & 1.0 \\
    \bottomrule
    \end{tabular}
    \end{table}
    <BLANKLINE>
    """
    lines = [
        NEEDS,
        r"\begin{table}[htbp]",
        r"\centering\small",
        rf"\caption{{{escaped(grid.title)}}}",
        rf"\label{{tab:{_label(grid.name)}}}",
        rf"\begin{{tabular}}{{{''.join(_columns(grid))}}}",
        r"\toprule",
        _row(grid.heads),
        r"\midrule",
        *map(_row, grid.rows),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\footnotesize {escaped(note)}" for note in grid.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _label(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name)


def _row(cells: tuple[str, ...]) -> str:
    return " & ".join(map(escaped, cells)) + r" \\"


def _columns(grid: Grid) -> list[str]:
    """Numbers to the right, long text in lines, the rest to the left."""
    widths = [max(map(len, column), default=0) for column in zip(grid.heads, *grid.rows, strict=True)]
    numeric = grid.numeric
    return [
        "r" if number else rf">{{\raggedright\arraybackslash}}p{{{WIDTH}}}" if long > LONG else "l"
        for number, long in zip(numeric, widths, strict=True)
    ]
