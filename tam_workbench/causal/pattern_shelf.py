"""The shipped patterns, one YAML file each."""

from functools import cache
from importlib import resources

from tam_workbench.causal.pattern import Pattern, pattern_of
from tam_workbench.errors import BadInputError


@cache
def patterns() -> tuple[Pattern, ...]:
    """Return the shipped patterns, by id.

    >>> [pattern.id for pattern in patterns()][:2]
    ['P001', 'P002']
    """
    folder = resources.files("tam_workbench.causal") / "patterns"
    found = [
        read_pattern(file.read_text(encoding="utf-8"), name=file.name)
        for file in folder.iterdir()
        if file.name.endswith(".yaml")
    ]
    return tuple(sorted(found, key=lambda pattern: pattern.id))


def read_pattern(text: str, *, name: str = "pattern") -> Pattern:
    """Read a pattern from YAML's text; ``name`` is said when it cannot be read."""
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast
        mapping = yaml.load(text, Loader=loader)  # noqa: S506 - both are safe ones
    except yaml.YAMLError as error:
        raise BadInputError(f"{name}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(mapping, dict):
        raise BadInputError(f"{name}: holds no pattern; write id, title, steps and links")
    return pattern_of(mapping)
