"""Prints gevent's run info, and its tree of greenlets, while two are suspended in `leaf`."""

import sys

import gevent
import gevent.util


def leaf(seconds):
    gevent.sleep(seconds)


def branch(seconds):
    leaf(seconds)


def spawns():
    return [gevent.spawn(branch, 30), gevent.spawn(branch, 40)]


kept = spawns()
gevent.sleep(0.01)
gevent.util.print_run_info(file=sys.stdout)
print("tree")
print(gevent.util.GreenletTree.current_tree().format(details={"running_stacks": True}))
