"""Drawings of slices of a C stack, as SVG: for `python -m switchlib demo --svg` and `report`."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from switchlib.introspection.shown import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 860
LEFT, RIGHT = 206, 640  # between these are the bars; the names are on the left
BEYOND = 56  # for what has no end on one side
ON_STACK, IN_HEAP = 748, 846  # where the columns of figures end
HEAD, ROW, FOOT = 40, 35, 36
NARROWEST = 14  # of the stretches between two addresses
LONGEST_NAME = 26
TIMES = "\N{MULTIPLICATION SIGN}"

# In a page of the report, the page defines these.
COLOURS = """\
svg.stacks { --ink: #1d2125; --dim: #667079; --line: #dfe2e6; --paper: #ffffff;
  --current: #18794e; --stack: #4a74b4; --heap: #a8611a; }
@media (prefers-color-scheme: dark) {
  svg.stacks { --ink: #e4e6e9; --dim: #98a1ab; --line: #343a41; --paper: #16191c;
    --current: #4cc38a; --stack: #7ea6e0; --heap: #e0a15c; }
}
"""

STYLE = """\
svg.stacks { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
svg.stacks text { fill: var(--ink); }
svg.stacks .paper { fill: var(--paper); }
svg.stacks .dim, svg.stacks .address { fill: var(--dim); font-size: 11.5px; }
svg.stacks .address { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 10.5px; }
svg.stacks .title { font-size: 14px; }
svg.stacks .name { font-weight: 600; }
svg.stacks .end { text-anchor: end; font-variant-numeric: tabular-nums; }
svg.stacks .middle { text-anchor: middle; }
svg.stacks .guide { stroke: var(--line); stroke-dasharray: 2 3; }
svg.stacks .rule { stroke: var(--line); }
svg.stacks .current { fill: var(--current); }
svg.stacks .stack { fill: var(--stack); }
svg.stacks .heap { fill: var(--heap); fill-opacity: 0.13; stroke: var(--heap);
  stroke-dasharray: 4 3; }
svg.stacks .owner { fill: #fff; font-size: 11.5px; text-anchor: middle; }
"""


@dataclass(frozen=True)
class Slice:
    """What is drawn of a greenlet's slice, or of those of greenlets whose slices are the same.

    `start` None: it is running, and the end of its stack is not known. `stop` None: its stack goes
    up to the end of the thread's stack. The `saved` bytes from its start on are in the heap.
    """

    name: str
    state: str
    start: int | None
    stop: int | None
    saved: int = 0
    count: int = 1
    has_stack: bool = True  # false: it has not started, or is dead

    @property
    def on_stack(self) -> int | None:
        """How many bytes are on the C stack; None if that is not known."""
        if not self.has_stack:
            return 0
        if self.start is None or self.stop is None:
            return None
        return self.stop - self.start - self.saved

    @property
    def is_owner(self) -> bool:
        """Whether it has bytes on the C stack."""
        return self.has_stack and self.on_stack != 0


def stacks(slices: Sequence[Slice], title: str = "", *, styled: bool = True) -> str:
    """An SVG element with a row for each slice, and a row for the C stack that they share.

    With `styled` it brings its own style, and can be a file.
    """
    drawing = _Drawing(slices, title)
    height = drawing.height
    style = f"<style>\n{COLOURS}{STYLE}</style>\n" if styled else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="stacks" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-label={quoteattr(drawing.label())}>\n'
        f"{style}" + "\n".join(drawing.elements()) + "\n</svg>\n"
    )


def below_each_other(drawings: Iterable[str]) -> str:
    """One SVG file with drawings that were made with styled=False."""
    parts, top = [], 0
    for each in drawings:
        height = int(each.partition(' height="')[2].partition('"')[0])
        parts.append(each.replace("<svg ", f'<svg y="{top}" ', 1))
        top += height + 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="stacks" viewBox="0 0 {WIDTH} {top}" '
        f'width="{WIDTH}" height="{top}">\n<style>\n{COLOURS}{STYLE}</style>\n'
        f"{''.join(parts)}</svg>\n"
    )


class _Drawing:
    def __init__(self, slices: Sequence[Slice], title: str) -> None:
        self.slices = slices
        self.title = title
        self.top = HEAD + (34 if title else 0)
        self.bottom = self.top + ROW * (len(slices) + 1)
        self.height = self.bottom + FOOT
        self.x = _scale(slices)

    def label(self) -> str:
        """The drawing in words."""
        rows = [
            f"{shown(each.name)} {each.state}, {_on_stack(each)} on the C stack, "
            f"{_bytes(each.saved)} in the heap"
            for each in self.slices
        ]
        return ". ".join(filter(None, (shown(self.title), *rows)))

    def elements(self) -> list[str]:
        found = [f'<rect class="paper" width="{WIDTH}" height="{self.height}" rx="6"/>']
        if self.title:
            found.append(_text(16, 28, self.title, "title"))
        at = self.top - 17
        found.append(_text(LEFT, at, "stack's end", "dim"))
        found.append(_text(RIGHT, at, "the C stack grows to lower addresses →", "dim end"))
        found.append(_text(ON_STACK, at, "on C stack", "dim end"))
        found.append(_text(IN_HEAP, at, "in heap", "dim end"))
        found += self._guides()
        for i, each in enumerate(self.slices):
            found += self._row(each, self.top + i * ROW)
        found += self._c_stack(self.top + len(self.slices) * ROW + 8)
        return found

    def _guides(self) -> list[str]:
        """A line for each address at which a slice starts or stops."""
        found, last = [], 0.0
        for address, x in sorted(self.x.items(), key=lambda each: each[1]):
            found.append(
                f'<line class="guide" x1="{x:.1f}" x2="{x:.1f}" y1="{self.top - 6}" '
                f'y2="{self.bottom + 8}"/>'
            )
            if x - last >= 62:
                last = x
                text = f"{address & 0xFFFF_FFFF:08x}"
                found.append(_text(x, self.bottom + 23, text, "address middle"))
        return found

    def _row(self, each: Slice, top: int) -> list[str]:
        name = _shortened(each.name, LONGEST_NAME - (8 if each.count > 1 else 0))
        times = f" {TIMES} {each.count:,}" if each.count > 1 else ""
        title = f"<title>{escape(shown(each.name))}, {each.state}</title>"
        found = [
            f'<g>{title}<text class="name" x="16" y="{top + 15}">{escape(name)}{times}</text>',
            _text(16, top + 29, each.state, "dim"),
        ]
        if each.has_stack:
            left, middle, right = self._ends(each)
            kind = "current" if each.state == "current" else "stack"
            if middle > left:
                found.append(_bar(left, middle, top + 8, 18, kind))
            if right > middle:
                found.append(_bar(middle, right, top + 8, 18, "heap"))
            found.append(_text(ON_STACK, top + 22, _on_stack(each), "end"))
            found.append(_text(IN_HEAP, top + 22, _bytes(each.saved), "end"))
        return [*found, "</g>"]

    def _c_stack(self, top: int) -> list[str]:
        """What lies on the C stack at this moment."""
        found = [
            f'<line class="rule" x1="16" x2="{IN_HEAP}" y1="{top - 5}" y2="{top - 5}"/>',
            _text(16, top + 17, "the C stack now", "dim"),
        ]
        for each in self.slices:
            if each.is_owner:
                left, middle, _ = self._ends(each)
                kind = "current" if each.state == "current" else "stack"
                found.append(_bar(left, middle, top + 3, 20, kind))
                if middle - left > 7 * len(each.name) + 6:
                    found.append(_text((left + middle) / 2, top + 17, each.name, "owner"))
        return found

    def _ends(self, each: Slice) -> tuple[float, float, float]:
        """Where its bar begins, where its bytes in the heap begin, and where both end."""
        left = LEFT if each.stop is None else self.x[each.stop]
        if each.start is None:
            return left, RIGHT, RIGHT
        right = self.x[each.start]
        if not each.saved:
            return left, right, right
        return left, self.x.get(each.start + each.saved, left), right


def _scale(slices: Sequence[Slice]) -> dict[int, float]:
    """Where each address lies. Long stretches get more room than short ones, but not in
    proportion: the shortest can be seen, too.
    """
    addresses = set()
    for each in slices:
        if each.has_stack:
            addresses |= {at for at in (each.start, each.stop) if at is not None}
            if each.start is not None and each.saved:
                addresses.add(each.start + each.saved)
    ordered = sorted(addresses, reverse=True)
    if not ordered:
        return {}
    room = RIGHT - LEFT - 2 * BEYOND
    narrowest = min(NARROWEST, room / (2 * len(ordered)))
    rest = room - narrowest * (len(ordered) - 1)
    whole = (ordered[0] - ordered[-1]) or 1
    found, x = {ordered[0]: float(LEFT + BEYOND)}, float(LEFT + BEYOND)
    for higher, lower in zip(ordered, ordered[1:]):
        x += narrowest + rest * (higher - lower) / whole
        found[lower] = x
    return found


def _bar(left: float, right: float, top: float, height: float, kind: str) -> str:
    width = max(right - left - 1, 1)
    return (
        f'<rect class="{kind}" x="{left:.1f}" y="{top}" width="{width:.1f}" height="{height}" '
        'rx="2"/>'
    )


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}">{escape(shown(text))}</text>'


def _shortened(text: str, most: int) -> str:
    text = shown(text)
    return text if len(text) <= most else text[: most - 1] + "…"


def _on_stack(each: Slice) -> str:
    if each.on_stack is not None:
        return _bytes(each.on_stack)
    return "not known" if each.start is None else "all the rest"


def _bytes(size: int) -> str:
    return f"{size:,} B" if size < 10_000 else f"{size / 1024:,.0f} KiB"
