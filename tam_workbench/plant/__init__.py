"""Plant."""
from tam_workbench.plant.legacy import *
from tam_workbench.plant.legacy import LegacyRow, legacy_spec, legacy_stream
