"""Learner beside baselines: a table whose figures carry their intervals."""

from collections.abc import Sequence
from html import escape

from tam_workbench.evaluation.scenarios.standing import Standing
from tam_workbench.views.markup import empty
from tam_workbench.views.svg import frame_svg
from tam_workbench.views.theme import BASELINE, LEARNER

_WIDTH = 150.0
_FAR = 8.0
"""Losses beyond so many times the best one leave the axis: an arrow stands for them."""


def standing_table(rows: Sequence[Standing]) -> str:
    """Return models by log-loss, best first, or in words why there is nothing to compare yet."""
    if not rows:
        return empty(
            "Nothing to compare yet: it takes five minutes of ticks and one breach that could "
            "have been foreseen."
        )
    near = [row.high for row in rows if row.log_loss <= _FAR * max(rows[0].log_loss, 1e-3)]
    top = 1.05 * max(near)
    body = "".join(
        f"<tr><td>{escape(row.model)}</td><td>{loss_svg(row, top=top)}</td>"
        f'<td class="num">{row.log_loss:.3f}</td>'
        f'<td class="num">{row.low:.3f} to {row.high:.3f}</td>'
        f'<td class="num">{row.average_precision:.2f}</td></tr>'
        for row in rows
    )
    asked, came = rows[0].questions, rows[0].breaches
    return (
        '<table aria-label="learner beside baselines"><thead><tr><th scope="col">model</th>'
        '<th scope="col">log-loss, lower is better</th><th scope="col" class="num">mean</th>'
        '<th scope="col" class="num">95 %</th>'
        '<th scope="col" class="num">average precision</th></tr></thead>'
        f"<tbody>{body}</tbody></table>"
        f"<p>{asked:,} questions, of which {came:,} ended in a breach. A question is a service "
        "that is not in breach: will it be, within the horizon?</p>"
    )


def loss_svg(row: Standing, *, top: float, width: float = _WIDTH) -> str:
    """Return a mean as a dot on its interval, an arrow when it lies beyond ``top``."""
    color = LEARNER if row.model == "learner" else BASELINE
    label = f"{row.log_loss:.3f}, 95 % between {row.low:.3f} and {row.high:.3f}"
    axis = f'<line class="axis" x1="6" x2="{width - 6:g}" y1="8" y2="8"/>'
    if row.log_loss > top:
        tip = width - 6
        arrow = f'<path d="M{tip - 8:g} 3 L{tip:g} 8 L{tip - 8:g} 13 Z" fill="{color}"/>'
        return frame_svg(axis + arrow, width=width, height=16, label=label + ", off the axis")
    left, dot, right = (
        6 + (width - 12) * min(p / top, 1.0) for p in (row.low, row.log_loss, row.high)
    )
    body = (
        f'{axis}<line x1="{left:.1f}" x2="{right:.1f}" y1="8" y2="8" stroke="{color}" '
        f'stroke-width="3"/><circle cx="{dot:.1f}" cy="8" r="4.5" fill="{color}"/>'
    )
    return frame_svg(body, width=width, height=16, label=label)
