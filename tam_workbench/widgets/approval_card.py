"""The card that asks before something is done."""

from typing import Any

import traitlets

from tam_workbench.errors import TamError
from tam_workbench.records import Incident
from tam_workbench.views import Workbench, approval_card, approval_lines, card_svg, esm_path
from tam_workbench.widgets.skin import Skin


class ApprovalCard(Skin):
    """A proposed action with its reasons; ``a`` approves, ``r`` rejects, with a reason.

    Parameters
    ----------
    wb
        The workbench to follow.
    incident
        Id of the incident whose proposal is shown; the next that waits when empty.
    """

    _esm = esm_path("approval_card")
    card = traitlets.Dict({"pending": False, "key": "", "why": ""}).tag(sync=True)
    said = traitlets.Unicode("").tag(sync=True)

    def __init__(self, wb: Workbench, *, incident: str = "") -> None:
        self._incident = incident
        super().__init__(wb)
        self.on_msg(self._hear)

    def pull(self) -> None:
        """Look for the proposal that waits."""
        card = dict(approval_card(self._find()))
        if card != self.card:
            self.card = card

    def _find(self) -> Incident | None:
        if self._incident:
            known = self._wb.incidents()
            return next((one for one in known if one.id == self._incident), None)
        return next(iter(self._wb.pending()), None)

    def _hear(self, _widget: object, message: Any, _buffers: object) -> None:  # noqa: ANN401 - JSON
        if not isinstance(message, dict) or message.get("kind") != "decide":
            return
        reason, key = str(message.get("reason", "")), str(message.get("key", ""))
        acts = {"approve": self._wb.approve, "reject": self._wb.reject}
        act = acts.get(str(message.get("decision")))
        if act is None or key != self.card.get("key"):
            self.said = "not done: this proposal is no longer the one on the card"
            return
        try:
            act(key, reason=reason)
        except (TamError, LookupError) as error:
            self.said = str(error).strip("\"'")
            return
        self.said = (
            f"{message['decision']}d {key}"
            if message["decision"] == "approve"
            else f"rejected {key}"
        )
        self.pull()

    def snapshot(self) -> str:
        """Return the card's lines as SVG."""
        return card_svg(approval_lines(self.card))

    def describe(self) -> str:
        """Return the card's first line."""
        return approval_lines(self.card)[0]
