"""Engine: make it turn.

Settings, plug-ins, wiring, bus, loop, checkpoint, supervisor and the workbench that surfaces
talk to. Draws nothing, and no stage or adapter knows it.
"""

__all__: list[str] = []
