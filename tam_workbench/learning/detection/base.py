"""What an anomaly detector is: it scores each row by the rows before it, then learns the row."""

from typing import Protocol, runtime_checkable

from tam_workbench.learning.base import State
from tam_workbench.records import Floats


@runtime_checkable
class AnomalyDetector(Protocol):
    """Scores rows in order, each once, by nothing but the rows before it.

    Higher means stranger; scores lie in [0, 1] and mean the same on every stream, so that one
    threshold serves all. Memory is bounded whatever the stream's length.
    """

    @property
    def name(self) -> str:
        """The name it is registered under."""
        ...

    def advance(self, X: Floats, trust: Floats) -> Floats:
        """Score rows X (n, d), NaN where nothing was told, and learn them with their trust (n,).

        Cutting the stream into other batches changes no score. A row of trust 0 is scored and
        teaches nothing.
        """
        ...

    def attributions(self) -> Floats:
        """Return, for the rows of the last `advance`, what each column adds: (n, d), >= 0."""
        ...

    def state(self) -> State:
        """Return everything `restore` needs."""
        ...

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        ...
