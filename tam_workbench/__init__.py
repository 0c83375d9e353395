"""TAM Workbench: telemetry as a memory that learns, remembers, explains and acts.

>>> import tam_workbench as tam
>>> wb = tam.Workbench.from_source("scenario:calm", ticks=32)
>>> wb.close()
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tam_workbench.api import Workbench

__version__ = "0.1.0"
__all__ = ["Workbench", "__version__"]


def __getattr__(name: str) -> object:
    """Load `Workbench` at first use, so that importing the package stays light."""
    if name == "Workbench":
        found: object = import_module("tam_workbench.api").Workbench
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
