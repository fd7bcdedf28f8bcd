"""What objgraph says of greenlets: how many, what refers to one, and what one refers to."""

import json

import objgraph
from greenlet import getcurrent, greenlet

main = getcurrent()


class Holder:
    pass


def leaf():
    held = Holder()
    main.switch()
    return held


before = objgraph.count("greenlet.greenlet") or objgraph.count("greenlet")
some = [greenlet(leaf) for _ in range(7)]
holder = Holder()
holder.kept = some[0]
names = objgraph.typestats(shortnames=False)
chain = objgraph.find_backref_chain(some[0], lambda each: isinstance(each, Holder))
for each in some:
    each.switch()
held = len(objgraph.by_type("Holder")) - 1
for each in some:
    each.switch()
print(
    json.dumps(
        [
            names["greenlet.greenlet"] - before,
            [type(each).__name__ for each in chain][:1],
            held,
            len(objgraph.by_type("Holder")) - 1,
        ]
    )
)
