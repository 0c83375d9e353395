"""What was like this, and what helped then."""

from typing import Any

import traitlets

from tam_workbench.errors import TamError
from tam_workbench.records import Where
from tam_workbench.views import Workbench, esm_path, recall_card, recall_lines
from tam_workbench.views.remembering import recall_svg
from tam_workbench.widgets.skin import Skin


class MemoryRecall(Skin):
    """A question to memory and its answer: hits with score parts, or "new to me".

    Parameters
    ----------
    wb
        The workbench whose memory is asked.
    text
        What to ask at once; nothing when empty.
    service
        Only memories of this service; all when empty.
    k
        Hits to show.
    """

    _esm = esm_path("memory_recall")
    answer = traitlets.Dict(recall_card(None)).tag(sync=True)
    said = traitlets.Unicode("").tag(sync=True)

    def __init__(self, wb: Workbench, text: str = "", *, service: str = "", k: int = 5) -> None:
        self._k, self._asked = k, 0
        self._where = Where(services=(service,) if service else ())
        super().__init__(wb)
        self.on_msg(self._hear)
        if text:
            self.ask(text)

    def ask(self, text: str) -> None:
        """Ask memory and show the answer; each is numbered, so that the same one is told again."""
        self._asked += 1
        self.said = ""
        try:
            found = self._wb.memory.recall(text, k=self._k, where=self._where)
        except TamError as error:
            self.said = str(error)
            return
        self.answer = {**recall_card(found, asked=text), "number": self._asked}

    def pull(self) -> None:
        """Nothing moves by itself here: an answer stands until the next question."""

    def _hear(self, _widget: object, message: Any, _buffers: object) -> None:  # noqa: ANN401 - JSON
        if isinstance(message, dict) and message.get("kind") == "ask":
            self.ask(str(message.get("text", ""))[:2000])

    def snapshot(self) -> str:
        """Return the answer as SVG."""
        return recall_svg(self.answer)

    def describe(self) -> str:
        """Return the answer in one sentence."""
        lines = recall_lines(self.answer)
        return lines[1] if len(lines) > 1 else lines[0]
