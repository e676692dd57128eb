"""Commands that show what a study found: gaps, overall scores, claims."""

from __future__ import annotations

import argparse
import json
import sys

from xlgap import listings

Arguments = argparse.Namespace


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Their words and options."""
    gaps = commands.add_parser("gaps", help="gaps of measured or published scores")
    gaps.add_argument("--source", choices=["measured", "published"], default="measured")
    gaps.add_argument("--gap", default=None, metavar="NAME", help="inter, native, transfer, ...")
    gaps.add_argument("--model", default=None, metavar="GLOB", help="models by shell pattern")
    gaps.add_argument("--task", default=None)
    gaps.add_argument("--json", action="store_true", help="print JSON")
    gaps.set_defaults(run=show_gaps)

    scores = commands.add_parser("scores", help="overall scores of the benchmark, measured")
    scores.add_argument("--edition", default=None, metavar="NAME", help="xtreme-r or xtreme alone")
    scores.add_argument("--json", action="store_true", help="print JSON")
    scores.set_defaults(run=show_scores)

    claims = commands.add_parser("claims", help="claims of papers, with this study's verdict")
    claims.add_argument("--json", action="store_true", help="print JSON")
    claims.set_defaults(run=show_claims)


def show_gaps(arguments: Arguments) -> None:
    """Print gaps as a table or as JSON."""
    from xlgap.stages.analyse import select_gaps

    rows = select_gaps(
        source=arguments.source, gap=arguments.gap, model=arguments.model, task=arguments.task
    )
    if arguments.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    columns = ("model", "params_total", "gap", "task", "language", "metric", "value")
    listings.show(rows, columns, terminal=sys.stdout.isatty())


def show_scores(arguments: Arguments) -> None:
    """Print the overall scores of the benchmark's editions."""
    from xlgap.stages.overall import print_scores
    from xlgap.stages.study import Study

    print_scores(Study.here(), arguments.edition, as_json=arguments.json)


def show_claims(arguments: Arguments) -> None:
    """Print each claim with its verdict and why."""
    from dataclasses import asdict

    from xlgap.stages.analyse import claims_here

    found, told = claims_here()
    if told:
        print(told, file=sys.stderr)
    if arguments.json:
        print(json.dumps([asdict(claim) for claim in found], indent=1, ensure_ascii=False))
        return
    print("\n\n".join(listings.claim_text(claim) for claim in found))
