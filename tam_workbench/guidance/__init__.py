"""Guidance: what is known about a trouble in words with sources, for people and for models.

Pure. Puts what memory and causal know into a context pack that keeps to a budget of tokens and
quotes telemetry as data; it never calls a model and never decides.
"""

from tam_workbench.guidance.brief import Brief, Difference, Episode
from tam_workbench.guidance.budget import tokens
from tam_workbench.guidance.pack import Pack, pack
from tam_workbench.guidance.questions import open_questions
from tam_workbench.guidance.quoting import NOTICE, Quoter, cite, cleaned, is_guarded
from tam_workbench.guidance.saying import row_of, sure

__all__ = [
    "NOTICE",
    "Brief",
    "Difference",
    "Episode",
    "Pack",
    "Quoter",
    "cite",
    "cleaned",
    "is_guarded",
    "open_questions",
    "pack",
    "row_of",
    "sure",
    "tokens",
]
