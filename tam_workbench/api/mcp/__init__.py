"""MCP: what is known of clusters and memory, for any model's client, to be read only.

A thin skin over the same questions that the command line asks. Words of telemetry are quoted as
data; no tool changes or starts anything.
"""

from tam_workbench.api.mcp.briefing import brief_of

__all__ = ["brief_of"]
