"""TAM Workbench: telemetry as a memory that learns, remembers, explains and acts."""

__version__ = "0.1.0"
