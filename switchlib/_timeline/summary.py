"""The figures of a timeline, as text."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from switchlib._timeline.model import Timeline

MOST = 5  # lines of each list


def summary(timeline: Timeline, path: str | None = None) -> str:
    """What was counted; the longest stretches without a switch; the names switched to most."""
    seconds = (timeline.end - timeline.begin) / 1e9
    lines = [
        f"switchlib: {seconds:.3f} s, {timeline.switches:,} switches, "
        f"{timeline.created:,} greenlets made, {timeline.ended:,} ended"
    ]
    if path is not None:
        lost = f", {timeline.dropped:,} older records dropped" if timeline.dropped else ""
        lines.append(f"timeline: {path} ({len(timeline.slices):,} slices{lost})")
    if timeline.longest:
        lines.append("longest without a switch:")
        lines += [
            f"{each.length / 1e6:12,.3f} ms at {(each.begin - timeline.begin) / 1e9:.3f} s  "
            f"{each.name}, {each.thread}"
            for each in timeline.longest[:MOST]
        ]
    most = sorted(timeline.figures, key=lambda each: -each.switches)[:MOST]
    if most:
        lines.append("most switched to:")
        for each in most:
            times = f"  {each.ran / 1e6:12,.3f} ms in all" if each.ran else ""
            lines.append(f"{each.switches:12,}{times}  {each.name}")
    return "\n".join(lines)
