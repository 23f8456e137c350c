"""Draw the packages of emo2vec_plugins and what each of them imports.

``python docs/architecture.py`` writes ``docs/architecture.svg``, the diagram of the architecture
page. It needs grimp, which the extra ``dev`` installs, and networkx, which comes with torch. The
same imports give the same file, byte for byte.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from html import escape
from itertools import combinations, pairwise
from pathlib import Path

import grimp
import networkx as nx

PACKAGE = "emo2vec_plugins"
HOSTS = "integrations/*"
"""All hosts share one box: they have the same place, and do not import each other."""

SWEEPS = 12
CHARACTER, LINE, PADDING, GAP, ROW = 9, 22, 14, 30, 84  # pixels
WIDEST = 44  # characters in a line of host names


def packages(modules: Iterable[str]) -> dict[str, str]:
    """Map each module in a package of ours to the box of that package, without the top level.

    The exceptions in ``errors`` and the helpers in ``testing`` are modules, and get a box as well.
    """
    modules = set(modules)
    parents = {module.rpartition(".")[0] for module in modules}
    found = {}
    for module in modules - {PACKAGE}:
        _, first, *rest = module.split(".")
        is_host = first == "integrations" and rest and f"{PACKAGE}.{first}.{rest[0]}" in parents
        if f"{PACKAGE}.{first}" in parents or first in ("errors", "testing"):
            found[module] = HOSTS if is_host else first
    return found


def hosts(modules: Iterable[str]) -> list[str]:
    """Return the names of the packages in ``integrations``, sorted."""
    boxes = packages(modules)
    return sorted({module.split(".")[2] for module, box in boxes.items() if box == HOSTS})


def dependencies(graph: grimp.ImportGraph) -> nx.DiGraph:
    """Return which package imports from which, anywhere in its code."""
    boxes = packages(graph.modules)
    found = nx.DiGraph()
    found.add_nodes_from(sorted(set(boxes.values())))
    for module in sorted(boxes):
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            if boxes.get(imported, boxes[module]) != boxes[module]:
                found.add_edge(boxes[module], boxes[imported])
    return found


def layered(graph: nx.DiGraph) -> tuple[list[list[str]], list[list[str]]]:
    """Place boxes in rows, ground first, and route each arrow through the rows that it crosses.

    Returns:
        The rows, and for each arrow its way from box to box. A name with a ``>`` is a bend.
    """
    ground = list(nx.topological_generations(nx.DiGraph.reverse(graph)))
    level = {box: number for number, row in enumerate(ground) for box in row}
    rows = [sorted(row) for row in ground]
    ways = []
    for start, end in sorted(graph.edges):
        crossed = range(level[start] - 1, level[end], -1)
        ways.append([start, *(f"{start}>{end}@{number}" for number in crossed), end])
        for number, bend in zip(crossed, ways[-1][1:-1], strict=True):
            rows[number].append(bend)
    return ordered(rows, ways), ways


def ordered(rows: list[list[str]], ways: Sequence[Sequence[str]]) -> list[list[str]]:
    """Sort each row by where its neighbours are, and return the order with the fewest crossings."""
    steps = [step for way in ways for step in pairwise(way)]
    best = rows
    for sweep in range(SWEEPS):
        rows = [list(row) for row in rows]
        down = sweep % 2 == 0
        for number in range(len(rows))[1:] if down else range(len(rows))[-2::-1]:
            beside = rows[number - 1 if down else number + 1]
            near = {
                box: [beside.index(other) for step in steps for other in step
                      if box in step and other in beside] for box in rows[number]
            }  # fmt: skip
            middle = len(beside) / 2
            rows[number].sort(
                key=lambda box, near=near, middle=middle: (
                    sum(near[box]) / len(near[box]) if near[box] else middle,
                    box,
                )
            )
        best = min(best, rows, key=lambda each: crossings(each, steps))
    return best


def crossings(rows: Sequence[Sequence[str]], steps: Sequence[tuple[str, str]]) -> int:
    """Count the pairs of arrows that cross between two rows."""
    at = {box: (number, place) for number, row in enumerate(rows) for place, box in enumerate(row)}
    return sum(
        at[a][0] == at[c][0] and (at[a][1] - at[c][1]) * (at[b][1] - at[d][1]) < 0
        for (a, b), (c, d) in combinations(steps, 2)
    )


def wrapped(names: Sequence[str]) -> list[str]:
    """Join names with commas, in lines of at most `WIDEST` characters."""
    lines = [""]
    for name in names:
        piece = f"{name}, "
        if len(lines[-1]) + len(piece) > WIDEST:
            lines.append("")
        lines[-1] += piece
    lines[-1] = lines[-1].removesuffix(", ")
    return [line.rstrip() for line in lines]


def places(
    rows: Sequence[Sequence[str]], ways: Sequence[Sequence[str]], widths: dict[str, int]
) -> dict[str, float]:
    """Return the horizontal middle of each box and bend: near its neighbours, and beside no other."""
    near: dict[str, list[str]] = {box: [] for row in rows for box in row}
    for way in ways:
        for upper, lower in pairwise(way):
            near[upper].append(lower)
            near[lower].append(upper)
    at = {}
    for row in rows:
        total = sum(widths[box] + GAP for box in row)
        left = -total / 2
        for box in row:
            at[box] = left + (widths[box] + GAP) / 2
            left += widths[box] + GAP
    for sweep in range(4 * SWEEPS):
        for row in rows if sweep % 2 else rows[::-1]:
            wanted = [sum(at[o] for o in near[b]) / len(near[b]) if near[b] else at[b] for b in row]
            at.update(zip(row, apart(wanted, [widths[box] + GAP for box in row]), strict=True))
    return at


def apart(wanted: Sequence[float], widths: Sequence[int]) -> list[float]:
    """Return places in the same order, as close to those *wanted* as their widths allow."""
    offsets = [sum(widths[:i]) + widths[i] / 2 for i in range(len(widths))]
    pools: list[list[float]] = []  # isotonic regression: neighbours in conflict share a mean
    for place, offset in zip(wanted, offsets, strict=True):
        pools.append([place - offset])
        while len(pools) > 1 and mean(pools[-2]) > mean(pools[-1]):
            pools[-2:] = [[*pools[-2], *pools[-1]]]
    shifts = [mean(pool) for pool in pools for _ in pool]
    return [shift + offset for shift, offset in zip(shifts, offsets, strict=True)]


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean."""
    return sum(values) / len(values)


def drawing(graph: nx.DiGraph, names: Sequence[str]) -> str:
    """Return the SVG: an arrow for each dependency that no chain of others implies."""
    rows, ways = layered(nx.transitive_reduction(graph))
    text = {box: [box] for box in graph}
    if HOSTS in text:
        text[HOSTS] += wrapped(names)
    widths = {bend: 0 for way in ways for bend in way}
    widths |= {box: CHARACTER * max(map(len, lines)) + 2 * PADDING for box, lines in text.items()}
    at = places(rows, ways, widths)
    left = min(at[box] - widths[box] / 2 for box in at) - GAP
    right = max(at[box] + widths[box] / 2 for box in at) + GAP
    heights = [max(len(text.get(box, [""])) for box in row) * LINE + PADDING for row in rows]
    tops, top = [], GAP
    for height in reversed(heights):
        tops.insert(0, top)
        top += height + ROW - LINE
    size = f"{right - left:.0f} {top - ROW + LINE + GAP:.0f}"
    level = {box: number for number, row in enumerate(rows) for box in row}

    def point(box: str, *, below: bool) -> str:
        height = len(text.get(box, [""])) * LINE + PADDING
        middle = tops[level[box]] + heights[level[box]] / 2
        half = height / 2 if box in text else 0
        return f"{at[box] - left:.0f} {middle + (half if below else -half):.0f}"

    parts = []
    for way in ways:
        path = f"M {point(way[0], below=True)}"
        for upper, lower in pairwise(way):
            (x1, y1) = point(upper, below=True).split()
            (x2, y2) = point(lower, below=False).split()
            half = (int(y1) + int(y2)) // 2
            path += f" C {x1} {half} {x2} {half} {x2} {y2}"
        title = escape(f"{way[0]} imports {way[-1]}")
        parts.append(f'<path d="{path}" marker-end="url(#head)"><title>{title}</title></path>')
    for box, lines in text.items():
        x, y = point(box, below=False).split()
        height = len(lines) * LINE + PADDING
        parts.append(
            f'<rect x="{int(x) - widths[box] // 2}" y="{y}" width="{widths[box]}" '
            f'height="{height}" rx="6"/>'
        )
        for number, line in enumerate(lines):
            baseline = int(y) + PADDING // 2 + LINE * number + 16
            kind = ' class="name"' if number == 0 else ""
            parts.append(f'<text x="{x}" y="{baseline}"{kind}>{escape(line)}</text>')
    return HEAD.format(size=size) + "\n".join(parts) + "\n</svg>\n"


HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" font-family="monospace" font-size="14">
<title>The packages of emo2vec_plugins: an arrow leads to a package that is imported</title>
<style>
rect {{ fill: #eef3fa; stroke: #4a6fa5 }}
path {{ fill: none; stroke: #8492a6; stroke-width: 1.5 }}
text {{ fill: #1b2a3d; text-anchor: middle }}
.name {{ font-weight: bold }}
</style>
<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M 0 0 L 8 4 L 0 8 z" style="fill: #8492a6; stroke: none"/>
</marker>
"""


def main(out: Path) -> None:
    """Write the diagram of the installed package."""
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    out.write_text(drawing(dependencies(graph), hosts(graph.modules)), "utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg"))
