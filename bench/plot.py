"""A line plot as SVG text, for the documents; nothing but what they need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 56


@dataclass
class Line:
    name: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False


def ticks(most: float) -> list[float]:
    """From 0 to at least `most`, in four to eight steps of 1, 2 or 5 times a power of ten."""
    if most <= 0:
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(most))
    for factor in (0.1, 0.2, 0.5, 1.0, 2.0):
        step = power * factor
        count = math.ceil(most / step - 1e-9)
        if count <= 8:
            return [step * i for i in range(count + 1)]
    raise AssertionError("a decade has at most ten steps")


def plain(value: float) -> str:
    return f"{value:g}" if value < 10_000 else f"{value / 1000:g}k"


def svg(title: str, x_label: str, y_label: str, lines: Sequence[Line]) -> str:
    xs, ys = (
        ticks(max(x for line in lines for x, _ in line.points)),
        ticks(max(y for line in lines for _, y in line.points)),
    )

    def at(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (WIDTH - LEFT - RIGHT) * x / xs[-1]
        return across, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y / ys[-1]

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif"'
        f' font-size="12" fill="#57606a"><title>{escape(title)}</title>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="22" font-size="14" fill="#1f2328">{escape(title)}</text>',
    ]
    for x in xs:
        across, down = at(x, 0)
        out.append(f'<text x="{across:.1f}" y="{down + 18:.1f}" text-anchor="middle">{plain(x)}</text>')
    for y in ys:
        across, down = at(0, y)
        out.append(f'<line x1="{across}" y1="{down:.1f}" x2="{WIDTH - RIGHT}" y2="{down:.1f}" stroke="#d0d7de"/>')
        out.append(f'<text x="{across - 8}" y="{down + 4:.1f}" text-anchor="end">{plain(y)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    out.append(f'<text x="{middle}" y="{HEIGHT - 16}" text-anchor="middle">{escape(x_label)}</text>')
    out.append(
        f'<text transform="translate(18 {HEIGHT / 2:.0f}) rotate(-90)" text-anchor="middle">{escape(y_label)}</text>'
    )
    for number, line in enumerate(lines):
        places = [at(x, y) for x, y in line.points]
        path = " ".join(f"{across:.1f},{down:.1f}" for across, down in places)
        colour = "#8c959f" if line.dashed else "#0969da"
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        if not line.dashed:
            out += [f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" fill="{colour}"/>' for across, down in places]
        row = TOP + 16 + 18 * number
        out.append(
            f'<line x1="{LEFT + 12}" y1="{row - 4}" x2="{LEFT + 36}" y2="{row - 4}" stroke="{colour}" stroke-width="2"{dash}/>'
            f'<text x="{LEFT + 42}" y="{row}">{escape(line.name)}</text>'
        )
    return "\n".join([*out, "</svg>", ""])
