"""Recorded: what a watcher wrote down of a cluster, read again; and the one who writes it down.

Reads JSON lines of our own observations, watch events or plain objects, YAML watch streams, and
what ``kubectl get -o yaml`` or ``-o json`` printed. Explains nothing; what cannot be read is set
aside with its number and why, and reading goes on.
"""

from tam_workbench.adapters.sources.recorded.recorder import RecordingSource
from tam_workbench.adapters.sources.recorded.source import RecordedSource

__all__ = ["RecordedSource", "RecordingSource"]
