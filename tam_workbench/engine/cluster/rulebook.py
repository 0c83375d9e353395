"""Rulebook: the YAML file of rules that bound what may be done to a cluster."""

from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from tam_workbench.errors import BadInputError, MissingExtraError
from tam_workbench.gate import ClusterRule, rules_of

SHIPPED: Final = ("conservative",)


def read_rules(place: Path) -> tuple[ClusterRule, ...]:
    """Return the rules of a YAML file, or of one that ships by its name.

    Raises
    ------
    BadInputError
        In one line: the file, the rule, the field, what is wrong.

    >>> [rule.name for rule in read_rules(Path("conservative"))][:1]
    ['restart-stale-consumers']
    """
    try:
        if str(place) in SHIPPED:
            text = files(__package__).joinpath("rulebooks", f"{place}.yaml").read_text()
        else:
            text = place.read_text(encoding="utf-8")
        return rules_of(_parsed(text))
    except (OSError, UnicodeError) as error:
        raise BadInputError(f"{place}: cannot be read ({error}); name a YAML file") from error
    except BadInputError as error:
        raise BadInputError(f"{place}: {error}") from error


def _parsed(text: str) -> Any:  # noqa: ANN401 - whatever YAML holds; `rules_of` checks it
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]  # ships no types
    except ImportError as error:
        raise MissingExtraError("rules", "cluster_rulebook", extra="kubernetes") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f"line {where.line + 1}: " if where else ""
        raise BadInputError(f"{line}{getattr(error, 'problem', 'is no YAML')}") from error
