"""A small web application: each request waits as it would for a database,
and answers with a line of JSON.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    time.sleep(0.005)  # gunicorn's worker has patched it: the others run meanwhile
    body = json.dumps({"path": environ["PATH_INFO"], "items": list(range(20))}).encode()
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]
