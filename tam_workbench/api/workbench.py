"""`Workbench` as people use it: in a notebook, a script or a test."""

from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tam_workbench.engine import settings, wiring
from tam_workbench.engine.workbench import Workbench as EngineWorkbench

if TYPE_CHECKING:
    from tam_workbench.dashboard import Embedded
    from tam_workbench.widgets import (
        ApprovalCard,
        CausalChain,
        LiveTelemetry,
        MemoryRecall,
        ShapWaterfall,
        StateAt,
        TrustRibbon,
    )


class Workbench(EngineWorkbench):
    """A loop on one source; use it as a context manager to run it in the background.

    Examples
    --------
    >>> wb = Workbench.from_source("scenario:calm", ticks=64)
    >>> wb.run()
    >>> wb.health().rows_quarantined
    0
    >>> wb.close()
    """

    @classmethod
    def from_source(cls, source: str, **arguments: Any) -> Self:  # noqa: ANN401 - settings by name
        """Wire a loop on a source; ``arguments`` are settings, see ``tam config show``.

        Parameters
        ----------
        source
            ``host``, ``scenario:NAME``, ``file:PATH`` or a data set's name.
        arguments
            Settings by name, such as ``seed``, ``ticks``, ``autonomy``; they win over
            environment and ``tam.toml``.

        Raises
        ------
        SettingsError
            When a setting is wrong or names nothing that is registered.
        """
        chosen = settings.read(source=source, **arguments)
        parts = wiring.assemble(chosen)
        return cls(parts.runner, name=source, plant=parts.plant)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def dashboard(self, *, height: int = 900) -> "Embedded":
        """Serve the whole dashboard from this process and show it in the cell."""
        from tam_workbench import dashboard

        return dashboard.embed(self, height=height)

    def live(self) -> "LiveTelemetry":
        """Return a live chart of the stream."""
        from tam_workbench import widgets

        return widgets.LiveTelemetry(self)

    def ribbon(self) -> "TrustRibbon":
        """Return the live trust ribbon."""
        from tam_workbench import widgets

        return widgets.TrustRibbon(self)

    def waterfall(self) -> "ShapWaterfall":
        """Return the attributions of the latest explained alarm."""
        from tam_workbench import widgets

        return widgets.ShapWaterfall(self)

    def asking(self, text: str = "", *, service: str = "") -> "MemoryRecall":
        """Return a widget that asks memory, at once when ``text`` is given."""
        from tam_workbench import widgets

        return widgets.MemoryRecall(self, text, service=service)

    def chain(self, what: str = "") -> "CausalChain":
        """Return a widget that shows what caused the last trouble of an object, or a fact."""
        from tam_workbench import widgets

        return widgets.CausalChain(self, what)

    def past(self, what: str = "", when: datetime | str | None = None) -> "StateAt":
        """Return a widget that shows an object of a cluster as it stood at a moment."""
        from tam_workbench import widgets

        return widgets.StateAt(self, what, when)

    def approvals(self) -> "ApprovalCard":
        """Return a card with the proposals that wait for you."""
        from tam_workbench import widgets

        return widgets.ApprovalCard(self)

    def __repr__(self) -> str:
        health = self.health()
        state = "paused" if health.is_paused else "running" if health.is_running else "stopped"
        return (
            f"Workbench({self.name!r}: {state}, {health.rows_in:,} rows in, "
            f"{health.rows_quarantined:,} quarantined, {len(self.incidents())} incidents)"
        )
