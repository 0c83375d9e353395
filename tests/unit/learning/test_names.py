"""Columns without a name may be named later; a name once given stays."""

import numpy as np
import pytest

from tam_workbench.errors import BadInputError
from tam_workbench.learning import Learning, LearningRules
from tam_workbench.records import Labels, Observations


def _advance(learning, names, tick):
    obs = Observations(
        ticks=np.array([tick]),
        resources=np.zeros(1, np.int64),
        values=np.ones((1, len(names))),
        trust=np.ones(1),
        resource_names=("pod",),
        service_names=("web",),
        feature_names=names,
    )
    nothing = Labels(services=(), ticks=np.empty(0, np.int64), known_until=tick)
    return learning.advance(obs, nothing)


def test_a_blank_column_may_get_a_name_and_no_name_may_change():
    learning = Learning(LearningRules(), seed=0)
    _advance(learning, ("cpu", "cpu.deviation", "", ""), 0)
    _advance(learning, ("cpu", "cpu.deviation", "mem", "mem.deviation"), 1)
    with pytest.raises(BadInputError, match="names"):
        _advance(learning, ("cpu", "cpu.deviation", "disk", "disk.deviation"), 2)
