"""Greenlets, of greenlet or of gevent, that each have a span within a span, and switch within both;
prints the spans with their parents.
"""

import json
import sys

from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer(__name__)
seen = []


def leaf(number, pause):
    with tracer.start_as_current_span(f"leaf {number}"):
        pause()
        seen.append([number, baggage.get_baggage("number")])


def branch(number, pause):
    token = context.attach(baggage.set_baggage("number", number))
    with tracer.start_as_current_span(f"branch {number}"):
        pause()
        leaf(number, pause)
        pause()
    context.detach(token)


if "gevent" in sys.argv:
    import gevent

    pause = lambda: gevent.sleep(0.001)  # noqa: E731
    gevent.joinall([gevent.spawn(branch, number, pause) for number in range(5)])
else:
    from greenlet import getcurrent, greenlet

    main = getcurrent()
    all_of_them = [greenlet(branch) for _ in range(5)]
    for number, each in enumerate(all_of_them):
        each.switch(number, main.switch)
    while not all_of_them[-1].dead:
        for each in all_of_them:
            each.switch()

spans = exporter.get_finished_spans()
names = {span.context.span_id: span.name for span in spans}
parents = {span.name: names[span.parent.span_id] if span.parent else "" for span in spans}
print(json.dumps([parents, seen]))
