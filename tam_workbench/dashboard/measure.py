"""What a session costs: seconds of server CPU per turn of the visible screen."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tam_workbench.views import Workbench


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """CPU milliseconds per turn: mean and slowest of the measured turns."""

    screen: str
    turns: int
    mean_ms: float
    worst_ms: float


def measure_session(
    wb: Workbench, *, between: Callable[[], object], screen: str = "live", turns: int = 60
) -> Cost:
    """Return what ``turns`` updates of a screen cost, in a document as the server makes them.

    ``between`` is called before each turn and is not counted: it lets the workbench move on.
    The cost holds pulling, drawing and writing Bokeh's messages, which the server sends.
    """
    from bokeh.document import Document
    from bokeh.protocol import Protocol
    from panel.io.state import set_curdoc

    from tam_workbench.dashboard.app import open_session

    document, spent, protocol = Document(), [], Protocol()
    with set_curdoc(document):
        session, page = open_session(wb)
        session.screen = screen
        session.show()
        page.server_doc(document)
        events: list[object] = []
        document.on_change(events.append)
        for _ in range(turns):
            between()
            events.clear()
            began = time.process_time()
            session.tick()
            if events:
                message = protocol.create("PATCH-DOC", events)
                _ = (message.header_json, message.metadata_json, message.content_json)
            spent.append(1000.0 * (time.process_time() - began))
    return Cost(
        screen=screen, turns=turns, mean_ms=sum(spent) / turns, worst_ms=max(spent)
    )
