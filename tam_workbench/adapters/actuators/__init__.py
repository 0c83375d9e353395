"""Actuators: what carries out an action, once per key.

Each keeps the promises of the ``Actuator`` port. Whether an action may happen is decided in
`gate`, not here. Imported by the wiring alone.
"""

__all__: list[str] = []
