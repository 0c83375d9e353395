"""Plant: a small Kubernetes-like system that breaks, drifts, is lied about and can be mended.

Pure simulation: ticks in, columnar telemetry out, ground truth beside it. Knows no clock, no
stage and no learner; who reads the telemetry and who decides on actions is not its business.
"""

from tam_workbench.plant.legacy import (
    LegacyColumns,
    LegacyDraws,
    LegacyRow,
    LegacySpec,
    legacy_bodies,
    legacy_spec,
    legacy_stream,
)
from tam_workbench.plant.legacy_frames import LegacyFrames
from tam_workbench.plant.scenarios import scenario, scenario_names
from tam_workbench.plant.simulation import Plant, PlantOutput, Step
from tam_workbench.plant.spec import (
    ACTIONS,
    ATTACKS,
    COSTS,
    DURATIONS,
    FAULTS,
    FIXES,
    SHIFTS,
    START,
    Attack,
    Fault,
    PlantSpec,
    Service,
    Shift,
)
from tam_workbench.plant.truth import FaultRecord, Measures

__all__ = [
    "ACTIONS",
    "ATTACKS",
    "COSTS",
    "DURATIONS",
    "FAULTS",
    "FIXES",
    "SHIFTS",
    "START",
    "Attack",
    "Fault",
    "FaultRecord",
    "LegacyColumns",
    "LegacyDraws",
    "LegacyFrames",
    "LegacyRow",
    "LegacySpec",
    "Measures",
    "Plant",
    "PlantOutput",
    "PlantSpec",
    "Service",
    "Shift",
    "Step",
    "legacy_bodies",
    "legacy_spec",
    "legacy_stream",
    "scenario",
    "scenario_names",
]
