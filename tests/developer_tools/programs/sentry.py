"""Greenlets of gevent that report errors to Sentry, each with a tag; prints what would be sent."""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402

import gevent  # noqa: E402
import sentry_sdk  # noqa: E402
from sentry_sdk.transport import Transport  # noqa: E402

events = []


class Recorder(Transport):
    def capture_envelope(self, envelope):
        for item in envelope.items:
            if item.type == "event":
                event = item.payload.json
                frames = event["exception"]["values"][0]["stacktrace"]["frames"]
                names = [frame["function"] for frame in frames]
                variables = frames[-1]["vars"]
                crumbs = [crumb["message"] for crumb in event["breadcrumbs"]["values"]]
                events.append([event["tags"]["number"], names[-2:], variables["number"], crumbs])


sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", transport=Recorder, default_integrations=False)


def leaf(number):
    gevent.sleep(0.01)
    raise ValueError(number)


def branch(number):
    with sentry_sdk.isolation_scope() as scope:
        scope.set_tag("number", number)
        sentry_sdk.add_breadcrumb(message=f"before {number}")
        gevent.sleep(0.01)
        try:
            leaf(number)
        except ValueError:
            sentry_sdk.capture_exception()


gevent.joinall([gevent.spawn(branch, number) for number in range(5)])
sentry_sdk.flush()
print(json.dumps(sorted(events)))
