"""The command ``doctor``: what this machine can do, and what a study would need of it."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from xlgap import listings
from xlgap.errors import XlgapError
from xlgap.options import check_hardware, check_workers, hardware_asked, read, study_option

if TYPE_CHECKING:
    from xlgap.doctor import Finding

Arguments = argparse.Namespace


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Its words and options."""
    doctor = commands.add_parser("doctor", help="what this machine can do, and what a study needs")
    study_option(doctor)
    doctor.add_argument(
        "--hardware",
        default=None,
        metavar="NAME",
        help="what to plan for in place of this machine, as 'xlgap plan' takes it",
    )
    doctor.add_argument("--workers", type=int, default=2, help="stages that run side by side")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.set_defaults(run=examine)


def examine(arguments: Arguments) -> None:
    """Print what was found; ends with code 2 where something lacks that the study needs.

    What the machine has is said even where the study cannot be read.

    Raises:
        XlgapError: something lacks; or what is wrong with the study, the hardware asked for or the
            environment.
    """
    from xlgap import layout
    from xlgap.doctor import machine_findings, network_findings, software_findings
    from xlgap.doctor.network import hub_answers

    check_workers(arguments.workers)
    if arguments.hardware is not None:
        check_hardware(arguments.hardware)
    study, hub, wrong = arguments.study, hub_answers(), None
    there = Path() if study is None else study.parent
    found = [*machine_findings(there), *software_findings(), *network_findings(hub)]
    if study is not None or Path(layout.PARAMS).is_file():
        try:
            found += _of_study(arguments, hub)
        except XlgapError as error:
            wrong = error
    rows = [asdict(finding) for finding in found]
    if arguments.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        columns = ("part", "name", "state", "found", "advice")
        listings.show(rows, columns, terminal=sys.stdout.isatty())
    if wrong is not None:
        raise wrong
    states = Counter(finding.state for finding in found)
    if states["lacking"]:
        names = ", ".join(finding.name for finding in found if finding.state == "lacking")
        raise XlgapError(f"lacking: {names}; see the advice above.")


def _of_study(arguments: Arguments, hub: tuple[bool, str]) -> list[Finding]:
    """What the study needs, by its plan for this machine or for the hardware asked for."""
    from xlgap.cell import grid
    from xlgap.doctor import study_findings
    from xlgap.machine.measured import machine_as_it_is
    from xlgap.planning import plan_study, prepared_manifests

    directory, params = read(arguments.study)
    workers = arguments.workers
    if arguments.hardware is None:
        hardware = machine_as_it_is(params.train, directory, workers=workers)
    else:
        hardware, _ = hardware_asked(arguments.hardware, params.train, directory, workers=workers)
    plan = plan_study(
        params,
        grid(params),
        hardware=hardware,
        workers=workers,
        manifests=prepared_manifests(directory, params),
    )
    return list(study_findings(directory, params, plan, hub=hub))
