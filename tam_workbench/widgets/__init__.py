"""Widgets: small live pictures in a notebook cell, one ESM module each.

Thin skins over the views: they draw, ask and pass on what people decide, and decide nothing.
Each looks at the bus from its own light thread; the engine knows none of them. Offline, light
and dark, by keyboard, and with a static picture where no script runs.
"""

from tam_workbench.errors import MissingExtraError

try:
    from tam_workbench.widgets.approval_card import ApprovalCard
    from tam_workbench.widgets.causal_chain import CausalChain
    from tam_workbench.widgets.live_telemetry import LiveTelemetry
    from tam_workbench.widgets.memory_recall import MemoryRecall
    from tam_workbench.widgets.shap_waterfall import ShapWaterfall
    from tam_workbench.widgets.state_at import StateAt
    from tam_workbench.widgets.trust_ribbon import TrustRibbon
except ModuleNotFoundError as error:
    raise MissingExtraError("surfaces", "widgets", extra="notebook") from error

__all__ = [
    "ApprovalCard",
    "CausalChain",
    "LiveTelemetry",
    "MemoryRecall",
    "ShapWaterfall",
    "StateAt",
    "TrustRibbon",
]
