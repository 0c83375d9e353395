"""Diagnosis: what is the matter, from what kubectl printed, without an LLM.

Pure. Reads describe, get, events, logs, top and dumps as text, finds what a well-versed engineer
would notice, and returns ranked causes that each quote the lines they rest on. What is known of
the failures of Kubernetes is data (``knowledge/*.yaml``). Knows no cluster and acts on nothing;
what the texts say is quoted, never followed.
"""

from tam_workbench.causal.diagnosis.diagnosing import diagnose
from tam_workbench.causal.diagnosis.knowledge import Concept, concepts, concepts_of
from tam_workbench.causal.diagnosis.reading import read
from tam_workbench.causal.diagnosis.records import FINDINGS, Diagnosis, Finding, Quote, Subject
from tam_workbench.causal.diagnosis.reporting import markdown

__all__ = [
    "FINDINGS",
    "Concept",
    "Diagnosis",
    "Finding",
    "Quote",
    "Subject",
    "concepts",
    "concepts_of",
    "diagnose",
    "markdown",
    "read",
]
