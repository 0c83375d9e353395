"""Memory: whether this has happened before, what helped, and how sure we are.

Pure. Writes the signature text of an incident, gives it a content key, ranks what a store
found, and says when it does not know. Knows no store, no embedder and no clock: the engine
hands in hits, vectors and the time, and keeps the bytes in `adapters.stores`.
"""

from tam_workbench.memory.admission import (
    Admission,
    AdmissionRules,
    Circumstances,
    Echoes,
    cite,
    is_citing,
    judge,
    row_bytes,
)
from tam_workbench.memory.associations import AssociationRules, Associations
from tam_workbench.memory.blocks import Signature, Window, sign
from tam_workbench.memory.cache import Embed, EmbeddingCache
from tam_workbench.memory.calibration import Calibration
from tam_workbench.memory.contradictions import (
    Contradiction,
    ContradictionRules,
    Trial,
    conflicting_facts,
    contradicting,
)
from tam_workbench.memory.entries import (
    TIER_OF,
    Sighting,
    absorb,
    content_key,
    last_seen,
    make_entry,
    merge,
    outcomes,
    with_outcome,
)
from tam_workbench.memory.facts import Claim, current, holds, make_fact, superseded, told
from tam_workbench.memory.fusion import Fused, Fusion, FusionRules, diversified, fuse
from tam_workbench.memory.inspection import Finding, columns_of, inspect_memory
from tam_workbench.memory.known import Known, from_entry, to_entry
from tam_workbench.memory.posteriors import Effect, Experience, OutcomeRules, Posterior, Result
from tam_workbench.memory.priorities import MetaModel, PastIncident, Priority, prioritize_resources
from tam_workbench.memory.ranking import RankRules, is_duplicate, is_novel, rank
from tam_workbench.memory.recognition import Recogniser, Recognition, RecognitionRules
from tam_workbench.memory.retention import (
    Budget,
    CleanupPlan,
    RetentionRules,
    Usage,
    cleanup,
    rank_factor,
    retention,
)
from tam_workbench.memory.selection import admits, check_vectors, top
from tam_workbench.memory.shortterm import Note, ShortTerm
from tam_workbench.memory.signature import incident_text, mask, window_text
from tam_workbench.memory.summary import Insights, Summary, insights, summarize
from tam_workbench.memory.surprise import Surprise, SurpriseRules
from tam_workbench.memory.terms import identifiers, telling, tokens
from tam_workbench.memory.tiers import (
    TRANSITIONS,
    Evidence,
    Reinforcement,
    TierRules,
    crowded,
    expired,
    move,
    moved,
    reinforced,
    reinforcements,
    stability_at,
)

__all__ = [
    "TIER_OF",
    "TRANSITIONS",
    "Admission",
    "AdmissionRules",
    "AssociationRules",
    "Associations",
    "Budget",
    "Calibration",
    "Circumstances",
    "Claim",
    "CleanupPlan",
    "Contradiction",
    "ContradictionRules",
    "Echoes",
    "Effect",
    "Embed",
    "EmbeddingCache",
    "Evidence",
    "Experience",
    "Finding",
    "Fused",
    "Fusion",
    "FusionRules",
    "Insights",
    "Known",
    "MetaModel",
    "Note",
    "OutcomeRules",
    "PastIncident",
    "Posterior",
    "Priority",
    "RankRules",
    "Recogniser",
    "Recognition",
    "RecognitionRules",
    "Reinforcement",
    "Result",
    "RetentionRules",
    "ShortTerm",
    "Sighting",
    "Signature",
    "Summary",
    "Surprise",
    "SurpriseRules",
    "TierRules",
    "Trial",
    "Usage",
    "Window",
    "absorb",
    "admits",
    "check_vectors",
    "cite",
    "cleanup",
    "columns_of",
    "conflicting_facts",
    "content_key",
    "contradicting",
    "crowded",
    "current",
    "diversified",
    "expired",
    "from_entry",
    "fuse",
    "holds",
    "identifiers",
    "incident_text",
    "insights",
    "inspect_memory",
    "is_citing",
    "is_duplicate",
    "is_novel",
    "judge",
    "last_seen",
    "make_entry",
    "make_fact",
    "mask",
    "merge",
    "move",
    "moved",
    "outcomes",
    "prioritize_resources",
    "rank",
    "rank_factor",
    "reinforced",
    "reinforcements",
    "retention",
    "row_bytes",
    "sign",
    "stability_at",
    "summarize",
    "superseded",
    "telling",
    "to_entry",
    "tokens",
    "told",
    "top",
    "window_text",
    "with_outcome",
]
