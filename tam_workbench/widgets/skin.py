"""What every widget shares: pulling, closing, and a picture for places without scripts."""

from typing import Any

import anywidget

from tam_workbench.views import Workbench, widget_css
from tam_workbench.widgets.pulling import Puller


class Skin(anywidget.AnyWidget):
    """A thin skin over one ESM module, live from its own thread.

    Closing the widget, or stopping the workbench, ends the thread; showing the widget again
    starts it again.
    """

    _css = widget_css()

    def __init__(self, wb: Workbench, **traits: Any) -> None:  # noqa: ANN401 - traitlets' values
        super().__init__(**traits)
        self._wb = wb
        self._puller = Puller(self, wb)
        self.pull()
        if wb.health().is_running:
            self._puller.start()

    @property
    def is_live(self) -> bool:
        """Whether the widget follows the workbench."""
        return self._puller.is_running

    def pull(self) -> None:
        """Look at the workbench once."""
        raise NotImplementedError

    def snapshot(self) -> str:
        """Return the present picture as SVG."""
        raise NotImplementedError

    def describe(self) -> str:
        """Return the picture as one sentence."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop following and let go of the front end."""
        if hasattr(self, "_puller"):
            self._puller.stop()
        super().close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.describe()}>"

    def _repr_mimebundle_(
        self,
        **kwargs: Any,  # noqa: ANN401 - IPython's protocol
    ) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if self._wb.health().is_running:
            self._puller.start()
        if bundle is None:
            return None
        shown, metadata = bundle
        still = {"text/plain": repr(self), "image/svg+xml": self.snapshot()}
        return {**shown, **still}, metadata
