"""Colours, patterns and styles, once, for every surface.

Series colours are mid-tones that keep a contrast of about 3:1 on white and on near black, so
a figure needs no repainting when the theme changes; text and surfaces are CSS variables.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

LEARNER: Final = "#2f7ed8"
"""What the online learner says."""
BASELINE: Final = "#7d8796"
"""What the static baseline says."""
ANOMALY: Final = "#8a63d2"
"""How unusual it is."""
TELEMETRY: Final = "#0f9d76"
"""What was measured."""

MARKERS: Final = {
    "incident": ("#d64550", "solid", "circle"),
    "drift": ("#8a63d2", "dashed", "diamond"),
    "change": ("#2f7ed8", "dotted", "triangle"),
}
"""Kind of marker to its colour, dash and shape; never colour alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A band of trust: how it is called, coloured, hatched and abbreviated."""

    name: str
    color: str
    hatch: str  # a Bokeh hatch pattern
    sign: str
    at_least: float


LEVELS: Final = (
    Level(name="trusted", color="#0f9d76", hatch="blank", sign="●", at_least=0.8),
    Level(name="doubtful", color="#d9822b", hatch="right_diagonal_line", sign="◐", at_least=0.5),
    Level(name="distrusted", color="#d64550", hatch="diagonal_cross", sign="○", at_least=0.0),
)
"""Bands of trust from high to low."""


def band_of(trust: float) -> int:
    """Return the place of ``trust``'s band in `LEVELS`.

    >>> band_of(0.6)
    1
    """
    return LEVELS.index(level_of(trust))


def level_of(trust: float) -> Level:
    """Return the band that ``trust`` falls in; what is not a number is distrusted.

    >>> [level_of(trust).name for trust in (0.93, 0.8, 0.61, 0.2, float("nan"))]
    ['trusted', 'trusted', 'doubtful', 'distrusted', 'distrusted']
    """
    return next((level for level in LEVELS if trust >= level.at_least), LEVELS[-1])


LIGHT: Final = {
    "--tam-text": "#1d2430",
    "--tam-muted": "#5a6472",
    "--tam-surface": "#ffffff",
    "--tam-raised": "#f5f7fa",
    "--tam-line": "#d9dee6",
    "--tam-good": "#0b7a5b",
    "--tam-warn": "#a35a0c",
    "--tam-bad": "#b92d39",
    "--tam-accent": "#1f63b5",
}
"""CSS variables on a light page; text colours keep 4.5:1."""

DARK: Final = {
    "--tam-text": "#e7eaf0",
    "--tam-muted": "#a5afbd",
    "--tam-surface": "#15181e",
    "--tam-raised": "#1e232c",
    "--tam-line": "#343b48",
    "--tam-good": "#43c49b",
    "--tam-warn": "#eba655",
    "--tam-bad": "#f2808a",
    "--tam-accent": "#76b0f5",
}
"""CSS variables on a dark page."""


SERIES: Final = {
    "--tam-learner": LEARNER,
    "--tam-baseline": BASELINE,
    "--tam-anomaly": ANOMALY,
    "--tam-telemetry": TELEMETRY,
    **{f"--tam-{level.name}": level.color for level in LEVELS},
}
"""CSS variables of the series, the same on both pages."""


def page_variables(*, is_dark: bool) -> dict[str, str]:
    """Return every CSS variable of a light or dark page."""
    return {**SERIES, **(DARK if is_dark else LIGHT)}


def _block(variables: dict[str, str]) -> str:
    return "".join(f"{name}:{value};" for name, value in variables.items())


def widget_css() -> str:
    """Return the style of the notebook widgets: JupyterLab's variables first, ours behind.

    >>> "--jp-ui-font-color1" in widget_css()
    True
    """
    bridged = {
        "--tam-text": "--jp-ui-font-color1",
        "--tam-muted": "--jp-ui-font-color2",
        "--tam-surface": "--jp-layout-color1",
        "--tam-raised": "--jp-layout-color2",
        "--tam-line": "--jp-border-color2",
    }
    jupyter = "".join(f"{own}:var({theirs},{LIGHT[own]});" for own, theirs in bridged.items())
    return (
        f".tam{{{_block(page_variables(is_dark=False))}}}"
        f"@media (prefers-color-scheme:dark){{.tam{{{_block(DARK)}}}}}"
        f'[data-jp-theme-light="true"] .tam{{{_block(LIGHT)}{jupyter}}}'
        f'[data-jp-theme-light="false"] .tam{{{_block(DARK)}{jupyter}}}' + _rules("widget")
    )


def pane_css() -> str:
    """Return the style of the dashboard's HTML panes."""
    return _rules("pane")


@cache
def _rules(name: str) -> str:
    return resources.files(__package__).joinpath("css", f"{name}.css").read_text("utf-8")


def panel_css() -> str:
    """Return the style of the same widgets inside the dashboard, whose page sets the variables."""
    return _rules("widget")
