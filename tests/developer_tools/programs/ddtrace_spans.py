"""Greenlets of gevent that each have a span of ddtrace within a span; prints the spans with their
parents.
"""

import ddtrace.auto  # noqa: F401, I001

import json

import gevent
from ddtrace.trace import TraceFilter, tracer

spans = []


class Recorder(TraceFilter):
    def process_trace(self, trace):
        spans.extend(trace)
        return


tracer.configure(trace_processors=[Recorder()])


def leaf(number):
    with tracer.trace(f"leaf {number}"):
        gevent.sleep(0.001)


def branch(number):
    with tracer.trace(f"branch {number}"):
        gevent.sleep(0.001)
        leaf(number)
        gevent.sleep(0.001)


gevent.joinall([gevent.spawn(branch, number) for number in range(5)])
names = {span.span_id: span.name for span in spans}
print(json.dumps({span.name: names.get(span.parent_id, "") for span in spans}))
