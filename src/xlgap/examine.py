"""The command ``doctor``: what this machine can do, and what a study would need of it."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from xlgap import listings
from xlgap.errors import XlgapError
from xlgap.options import check_workers, read, study_option

Arguments = argparse.Namespace


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Its words and options."""
    doctor = commands.add_parser("doctor", help="what this machine can do, and what a study needs")
    study_option(doctor)
    doctor.add_argument("--hardware", default=None, help="preset of planning/hardware, of one stage")
    doctor.add_argument("--workers", type=int, default=2, help="stages that run side by side")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.set_defaults(run=examine)


def examine(arguments: Arguments) -> None:
    """Print what was found; ends with code 2 where something lacks that the study needs.

    Raises:
        ConfigError: the study file is wrong, or the hardware is unknown.
        XlgapError: something lacks.
    """
    from xlgap import layout
    from xlgap.cell import grid
    from xlgap.doctor import (
        machine_findings,
        network_findings,
        software_findings,
        study_findings,
    )
    from xlgap.doctor.network import hub_answers
    from xlgap.planning import plan_study, prepared_manifests

    check_workers(arguments.workers)
    of_study = arguments.study is not None or Path(layout.PARAMS).is_file()
    directory, params = read(arguments.study) if of_study else (Path(), None)
    hub = hub_answers()
    found = [*machine_findings(directory), *software_findings(), *network_findings(hub)]
    if params is not None:
        plan = plan_study(
            params,
            grid(params),
            hardware=arguments.hardware or "cpu",
            workers=arguments.workers,
            manifests=prepared_manifests(directory, params),
        )
        found += study_findings(directory, params, plan, hub=hub)
    rows = [asdict(finding) for finding in found]
    if arguments.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        columns = ("part", "name", "state", "found", "advice")
        listings.show(rows, columns, terminal=sys.stdout.isatty())
    states = Counter(finding.state for finding in found)
    if states["lacking"]:
        names = ", ".join(finding.name for finding in found if finding.state == "lacking")
        raise XlgapError(f"lacking: {names}; see the advice above.")
