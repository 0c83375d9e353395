"""Trust: how far an event may be believed.

Pure. Reads batches, returns scores with reasons; quarantines rows that break the schema; hides
personal data behind pseudonyms. Knows no source and no store; what happens to distrusted events
is not our business.
"""

from tam_workbench.trust.redaction import Redactor
from tam_workbench.trust.reference import ReferenceTrust
from tam_workbench.trust.rules import TrustRules
from tam_workbench.trust.scoring import Trust
from tam_workbench.trust.screening import Screening, ScreeningRules

__all__ = ["Redactor", "ReferenceTrust", "Screening", "ScreeningRules", "Trust", "TrustRules"]
