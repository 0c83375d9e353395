"""File: telemetry out of files, at full speed or paced like the day it was written.

Reads CSV, Parquet, JSON lines, raw logs and Nezha's three signals, whatever state they are in:
a row that cannot be read is set aside with its number, field and reason, and reading goes on.
Judges no row that can be read; that is trust's business.
"""

from tam_workbench.adapters.sources.file.source import FileSource

__all__ = ["FileSource"]
