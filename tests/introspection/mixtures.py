"""Whether what is read of targets/storm.py fits together, each stack of one moment."""

from __future__ import annotations

from collections import Counter

from switchlib.introspection.process import Greenlet, Process

# Where each function calls the next, innermost first.
LINES = [27, 7, 5, 4, 3, 2, 1, 11]


class Check:
    """Checks readings of one process, in which `greenlets` of them switch.

    The first reading is checked by names. The program never frees a greenlet or a function, so
    the following ones are compared by addresses, which is much faster.
    """

    def __init__(self, greenlets: int) -> None:
        self.greenlets = greenlets
        self.counted: Counter[str] = Counter()  # of readings and greenlets, by what they were
        self.mixtures: list[str] = []
        self._stacks: dict[int, list[int]] = {}  # the codes of each greenlet, innermost first
        self._lines: dict[tuple[int, int], int | None] = {}  # of instructions of the codes

    def __call__(self, found: Process) -> None:
        """Checks a reading."""
        self.counted["readings"] += 1
        if found.notes:
            self.mixtures.append(f"not read: {found.notes}")
        if len(found.greenlets) != self.greenlets + 1:
            self.mixtures.append(f"{len(found.greenlets)} greenlets")
        states = Counter(each.state for each in found.greenlets)
        running = states["current"], states["switching"]
        if found.held is not None and running not in ((1, 0), (0, 1), (0, 2)):
            self.mixtures.append(f"states {states}")
        for each in found.greenlets:
            if each.is_main:
                continue
            self.counted["changed" if each.changed else each.state] += 1
            if not each.changed and not self._fits(each):
                names = [frame.code.name for frame in each.frames]
                self.mixtures.append(f"{each.address:#x} {each.state}: {names}")

    def _fits(self, greenlet: Greenlet) -> bool:
        raw_frames = greenlet.raw_frames
        expected = self._stacks.get(greenlet.address)
        codes = [code for _, code, _ in raw_frames]
        if greenlet.state == "current":
            # It may be anywhere on its way to `step`, and has not been seen elsewhere.
            return expected is None or codes == expected[len(expected) - len(codes) :]
        if greenlet.state != "suspended":
            return greenlet.state == "switching"
        if any(each[1:] not in self._lines for each in raw_frames):
            lines = [line for _, line in greenlet.places]
            self._lines.update(zip([each[1:] for each in raw_frames], lines))
        if expected is None:
            objects = greenlet.process.objects
            k = objects.integer(objects.attribute(greenlet.address, "k"))
            names = [frame.code.name for frame in greenlet.frames]
            self._stacks[greenlet.address] = codes
            return names == [f"f{k}_run", *(f"f{k}_{i}" for i in range(6)), "step"]
        return codes == expected and [self._lines[each[1:]] for each in raw_frames] == LINES
