"""The ESM files that JupyterLab and the dashboard share."""

from importlib import resources
from pathlib import Path
from typing import Final

MODULES: Final = (
    "approval_card",
    "causal_chain",
    "live_telemetry",
    "memory_recall",
    "shap_waterfall",
    "state_at",
    "system_theme",
    "trust_ribbon",
)
"""Names of the modules in ``views/esm``."""


def esm_path(name: str) -> Path:
    """Return the path of an ESM module.

    >>> esm_path("trust_ribbon").name
    'trust_ribbon.js'
    """
    return Path(str(resources.files(__package__).joinpath("esm", f"{name}.js")))
