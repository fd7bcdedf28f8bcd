"""The plots of docs/, each for a light and for a dark background."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import report
from environments import ROOT
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PLOTS = ROOT / "docs" / "plots"
INK = {"light": "#1f2328", "dark": "#e6edf3"}
FAINT = {"light": "#d1d9e0", "dark": "#3d444d"}
COLOURS = {"greenlet": "#8b949e", "switchlib": "#2f81f7", "generators": "#bf8700"}
mpl.rcParams.update(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "switchlib",
        "font.family": "sans-serif",
        "font.size": 9,
    }
)


def draw() -> None:
    directories = [path for path in report.RESULTS.iterdir() if not path.name.startswith("quick-")]
    results = next(path for path in directories if report.is_reference(report.interpreter(path)))
    PLOTS.mkdir(exist_ok=True)
    plot("cases", (7.2, 5.2), lambda axes, theme: cases(axes, theme, results))
    if (results / "cliffs.json").exists():
        plot("live", (5.2, 3.2), lambda axes, _: live(axes, results))
        plot("stacks", (5.2, 3.2), lambda axes, _: stacks(axes, results))


def plot(name: str, inches: tuple[float, float], fill: Callable[[Axes, str], None]) -> None:
    for theme in ("light", "dark"):
        ink = INK[theme]
        figure = Figure(figsize=inches, layout="constrained")
        axes = figure.add_subplot(facecolor="none")
        fill(axes, theme)
        axes.tick_params(colors=ink, which="both")
        axes.xaxis.label.set_color(ink)
        axes.yaxis.label.set_color(ink)
        axes.title.set_color(ink)
        axes.grid(axis="x" if name == "cases" else "both", color=FAINT[theme], linewidth=0.6)
        axes.set_axisbelow(True)
        for side, spine in axes.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(ink)
        legend = axes.legend(frameon=False, labelcolor=ink)
        legend.set_zorder(3)
        figure.savefig(PLOTS / f"{name}-{theme}.svg", transparent=True, metadata={"Date": None})


def cases(axes: Axes, theme: str, results: Path) -> None:
    """Both costs of each case on one line, and how many times as fast."""
    rows = [
        row
        for row in report.rows(results)
        if row.case.unit == "second" and row.case.name != "importing"
    ]
    places = range(len(rows))
    for name in ("greenlet", "switchlib"):
        costs = [getattr(row, name) * 1e9 for row in rows]
        axes.scatter(costs, places, s=34, color=COLOURS[name], label=name, zorder=2)
    axes.hlines(
        places,
        [r.switchlib * 1e9 for r in rows],
        [r.greenlet * 1e9 for r in rows],
        COLOURS["greenlet"],
        lw=1,
        zorder=1,
    )
    for place, row in zip(places, rows, strict=True):
        right = max(row.greenlet, row.switchlib) * 1e9
        axes.annotate(
            f"{row.ratio:.2f}",
            (right, place),
            (9, 0),
            textcoords="offset points",
            va="center",
            color=INK[theme],
        )
    axes.set_yticks(places, [row.case.title for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.margins(x=0.08)
    axes.set_xlabel("nanoseconds an operation; the figure is the ratio, switchlib to greenlet")


def live(axes: Axes, results: Path) -> None:
    for name, found in json.loads((results / "cliffs.json").read_text()).items():
        points = sorted(
            (int(key.split()[1]), one["cost"] * 1e9)
            for key, one in found.items()
            if key.startswith("live")
        )
        axes.plot(*zip(*points, strict=True), "o-", ms=4, color=COLOURS[name], label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("live greenlets, switched to in random order")
    axes.set_ylabel("ns a switch")


def stacks(axes: Axes, results: Path) -> None:
    for name, found in json.loads((results / "cliffs.json").read_text()).items():
        one = found.get("stacks")
        if one is None:
            continue
        sizes = [size / 1024 for size in one["sizes"]]
        axes.plot(
            sizes,
            [cost * 1e9 for cost in one["costs"]],
            "o",
            ms=2.5,
            color=COLOURS[name],
            label=name,
        )
        axes.plot(sizes, [cost * 1e9 for cost in one["line"]], lw=0.8, color=COLOURS[name])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("KiB of C stack of the suspended greenlet")
    axes.set_ylabel("ns a switch")
