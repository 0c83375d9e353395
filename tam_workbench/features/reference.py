"""The readable twin of `Features`: the same observations, row by row, in plain dictionaries."""

import bisect
import math
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from tam_workbench.features.observing import CHANGES
from tam_workbench.features.rules import FeatureRules
from tam_workbench.features.templates import MASKS, LogTemplates
from tam_workbench.records import Batch, TrustScores
