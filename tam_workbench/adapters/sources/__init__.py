"""Sources: where telemetry comes from, one kind a module; each keeps `check_source`'s promises."""

__all__: list[str] = []
