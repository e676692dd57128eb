"""What a study will cost, before anything runs."""

from xlgap.planning.hardware import Hardware, get_hardware
from xlgap.planning.plan import Plan, StagePlan, Totals, to_json
from xlgap.planning.planner import plan_study
from xlgap.planning.tables import render, tables
from xlgap.planning.work import prepared_manifests

__all__ = [
    "Hardware",
    "Plan",
    "StagePlan",
    "Totals",
    "get_hardware",
    "plan_study",
    "prepared_manifests",
    "render",
    "tables",
    "to_json",
]
