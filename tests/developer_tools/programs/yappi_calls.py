"""calls.py under yappi, which tells greenlets apart; prints what it has measured."""

import json
import sys

import calls
import yappi

yappi.set_clock_type(sys.argv[1])
yappi.set_context_backend("greenlet")
yappi.start(builtins=True)
calls.take_turns()
yappi.stop()
functions = {each.name: [each.ncall, each.ttot] for each in yappi.get_func_stats()}
greenlets = sorted(each.ttot for each in yappi.get_greenlet_stats())
print(json.dumps([functions, greenlets]))
