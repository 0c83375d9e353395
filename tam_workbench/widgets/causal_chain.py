"""What caused this, from the root to what was seen."""

from typing import Any

import traitlets

from tam_workbench.views import (
    Workbench,
    ask_chain,
    chain_card,
    chain_lines,
    chain_svg,
    esm_path,
    incident_picks,
)
from tam_workbench.widgets.skin import Skin


class CausalChain(Skin):
    """The chain from a root cause to its effect, with confidences, patterns and evidence.

    Parameters
    ----------
    wb
        The workbench that watches, or has watched, a cluster.
    what
        A fact's id, a uid, ``Kind/name`` or ``namespace/Kind/name``; nothing when empty.
    """

    _esm = esm_path("causal_chain")
    chain = traitlets.Dict(chain_card(None)).tag(sync=True)
    picks: Any = traitlets.List().tag(sync=True)
    asked = traitlets.Dict().tag(sync=True)

    def __init__(self, wb: Workbench, what: str = "") -> None:
        super().__init__(wb)
        self.observe(self._hear, "asked")
        if what:
            self.ask(what)

    def ask(self, what: str) -> None:
        """Ask what caused the last trouble of an object, or a fact."""
        self.chain = ask_chain(self._wb, what)

    def pull(self) -> None:
        """Look for new incidents; what was asked is asked again when there are any."""
        picks = incident_picks(self._wb)
        if picks != self.picks:
            self.picks = picks
            if asked := self.chain.get("asked"):
                self.ask(asked)

    def _hear(self, change: Any) -> None:  # noqa: ANN401 - traitlets' change
        if what := str(change["new"].get("what", ""))[:500]:
            self.chain = {**ask_chain(self._wb, what), "number": change["new"].get("number", 0)}

    def snapshot(self) -> str:
        """Return the chain as SVG."""
        return chain_svg(self.chain)

    def describe(self) -> str:
        """Return the chain in one sentence."""
        return chain_lines(self.chain)[0]
