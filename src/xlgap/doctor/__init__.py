"""What a machine can do, and what a study would need of it: said before anything fails."""

from xlgap.doctor.finding import STATES, Finding
from xlgap.doctor.machine import machine_findings
from xlgap.doctor.needs import study_findings
from xlgap.doctor.network import network_findings
from xlgap.doctor.software import software_findings

__all__ = [
    "STATES",
    "Finding",
    "machine_findings",
    "network_findings",
    "software_findings",
    "study_findings",
]
