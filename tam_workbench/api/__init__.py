"""The Python API: ``import tam_workbench as tam; tam.Workbench.from_source("host")``.

A thin skin over `engine.workbench.Workbench` that adds what needs a screen: context manager,
dashboard and widgets. It decides nothing.
"""

from tam_workbench.api.workbench import Workbench

__all__ = ["Workbench"]
