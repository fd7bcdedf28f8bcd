"""calls.py under viztracer, from inside."""

import sys

import calls
import viztracer

with viztracer.VizTracer(verbose=0, output_file=sys.argv[1]):
    calls.take_turns()
