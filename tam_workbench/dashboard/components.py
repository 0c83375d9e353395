"""Our ESM modules as Panel components: the same files as in the notebook."""

# mypy: disallow-untyped-calls=False

from collections.abc import Callable
from typing import Any

import panel as pn
import param

from tam_workbench.views import chain_card, esm_path, panel_css, state_card


class OwnModule(pn.custom.AnyWidgetComponent):
    """One of our ESM files; it imports nothing, so it brings no import map.

    Panel's default maps React to an outside address, and to another version than the page's.
    """

    __abstract = True

    @classmethod
    def _process_importmap(cls) -> dict[str, dict[str, str]]:
        return {"imports": {}, "scopes": {}}


class SystemTheme(OwnModule):
    """Says whether the system prefers dark."""

    _esm = esm_path("system_theme")
    prefers = param.String(default="")


class Waterfall(OwnModule):
    """Draws `views.explanation_card`."""

    _esm = esm_path("shap_waterfall")
    _stylesheets = [panel_css()]  # noqa: RUF012 - Panel reads a list
    explanation = param.Dict(default={})


class Approval(OwnModule):
    """Draws `views.approval_card` and reports what was decided in ``decided``."""

    _esm = esm_path("approval_card")
    _stylesheets = [panel_css()]  # noqa: RUF012 - Panel reads a list
    card = param.Dict(default={"pending": False, "key": "", "why": ""})
    said = param.String(default="")
    decided = param.Dict(default={})

    def on_decision(self, decide: Callable[[str, str, str], None]) -> None:
        """Call ``decide(decision, key, reason)`` for each decision a person takes."""

        def tell(event: Any) -> None:  # noqa: ANN401 - param's event
            message = event.new
            if message.get("decision") in {"approve", "reject"}:
                decide(message["decision"], str(message["key"]), str(message["reason"]))

        self.param.watch(tell, "decided")


class Chain(OwnModule):
    """Draws `views.chain_card` and reports what is asked for in ``asked``."""

    _esm = esm_path("causal_chain")
    _stylesheets = [panel_css()]  # noqa: RUF012 - Panel reads a list
    chain = param.Dict(default=chain_card(None))
    picks = param.List(default=[])
    asked = param.Dict(default={})


class State(OwnModule):
    """Draws `views.state_card` with a slider and reports the chosen moment in ``asked``."""

    _esm = esm_path("state_at")
    _stylesheets = [panel_css()]  # noqa: RUF012 - Panel reads a list
    state = param.Dict(default=state_card("", None))
    span = param.Dict(default={"from": "", "to": "", "marks": []})
    objects = param.List(default=[])
    asked = param.Dict(default={})
