"""Views: records to frames, sentences, SVG and HTML; one definition of every picture.

Pure functions that widgets and dashboard bind. Starts no thread, opens no socket, knows no
toolkit (Panel and anywidget live in their own rooms) and decides nothing. What comes from
outside is escaped here, once.
"""

from tam_workbench.engine.cluster import ledger
from tam_workbench.views.assets import esm_path
from tam_workbench.views.causal import (
    ask_chain,
    chain_card,
    chain_lines,
    chain_svg,
    incident_picks,
    spoken,
)
from tam_workbench.views.columns import (
    MARKER_COLUMNS,
    PULSE_COLUMNS,
    broken,
    headline_names,
    marker_columns,
    milliseconds,
    pulse_columns,
)
from tam_workbench.views.explanations import explanation_card
from tam_workbench.views.forgetting import (
    countdown,
    forgetting_frame,
    recurrence_frame,
    recurrence_line,
    recurrence_svg,
)
from tam_workbench.views.frames import (
    event_frame,
    hit_frame,
    incident_frame,
    ledger_frame,
    memory_frame,
    pulse_frame,
    reputation_frame,
    service_frame,
    update_frame,
)
from tam_workbench.views.incident import approval_card, approval_lines
from tam_workbench.views.remembering import (
    MAP_COLUMNS,
    TIERS,
    contradiction_frame,
    memory_map,
    moment,
    recall_card,
    recall_lines,
    score_parts,
    tie_frame,
    verdict,
)
from tam_workbench.views.standing import standing_table
from tam_workbench.views.states import ask_state, slider, state_card, state_lines, state_svg
from tam_workbench.views.summaries import (
    describe_comparison,
    describe_explanation,
    describe_series,
    describe_trust,
    number,
)
from tam_workbench.views.svg import card_svg, ribbon_svg, telemetry_svg, waterfall_svg
from tam_workbench.views.theme import (
    LEVELS,
    Level,
    band_of,
    level_of,
    page_variables,
    pane_css,
    panel_css,
    widget_css,
)
from tam_workbench.views.workbench import Clusters, Feed, Observed, Verification, Workbench

__all__ = [
    "LEVELS",
    "MAP_COLUMNS",
    "MARKER_COLUMNS",
    "PULSE_COLUMNS",
    "TIERS",
    "Clusters",
    "Feed",
    "Level",
    "Observed",
    "Verification",
    "Workbench",
    "approval_card",
    "approval_lines",
    "ask_chain",
    "ask_state",
    "band_of",
    "broken",
    "card_svg",
    "chain_card",
    "chain_lines",
    "chain_svg",
    "contradiction_frame",
    "countdown",
    "describe_comparison",
    "describe_explanation",
    "describe_series",
    "describe_trust",
    "esm_path",
    "event_frame",
    "explanation_card",
    "forgetting_frame",
    "headline_names",
    "hit_frame",
    "incident_frame",
    "incident_picks",
    "ledger",
    "ledger_frame",
    "level_of",
    "marker_columns",
    "memory_frame",
    "memory_map",
    "milliseconds",
    "moment",
    "number",
    "page_variables",
    "pane_css",
    "panel_css",
    "pulse_columns",
    "pulse_frame",
    "recall_card",
    "recall_lines",
    "recurrence_frame",
    "recurrence_line",
    "recurrence_svg",
    "reputation_frame",
    "ribbon_svg",
    "score_parts",
    "service_frame",
    "slider",
    "spoken",
    "standing_table",
    "state_card",
    "state_lines",
    "state_svg",
    "telemetry_svg",
    "tie_frame",
    "update_frame",
    "verdict",
    "waterfall_svg",
    "widget_css",
]
