"""Debuggers: breakpoints in greenlets, stacks and variables there, and steps over a switch.

In debugged.py two greenlets are suspended in `leaf`, called by `branch`.
"""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

from tests.developer_tools.check import SOUGHT, Running, Use, check, expect, require
from tests.developer_tools.dap import Client

AFTER = "after = value + 1"


def line_of(program: Path, text: str) -> int:
    lines = program.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def pdb_session(use: Use, *commands: str) -> str:
    with use.start(use.python("-m", "pdb", "debugged.py")) as program:
        for command in commands:
            program.say(command)
        return program.end()


@check("pdb", "breakpoints, stacks and variables in two greenlets")
def pdb(use: Use) -> None:
    line = line_of(use.program("debugged.py"), AFTER)
    look = "where", "print('value', value)"
    printed = pdb_session(use, f"break {line}", "c", *look, "c", *look, "c", "q")
    expect("values", re.findall(r"value (\d+)", printed), ["40", "20"])
    stack = rf"branch\(\)\n-> return .*\n> .*\b{SOUGHT}\(\)\n-> {re.escape(AFTER)}"
    stacks = re.findall(stack, printed)
    expect("stacks", len(stacks), 2)
    require("[20, 40, 41, 21]" in printed, "the program did not print its result")


@check("pdb", "`next` over a switch, and `return` from the greenlet's function")
def pdb_next(use: Use) -> None:
    line = line_of(use.program("debugged.py"), "main.switch(value)")
    printed = pdb_session(use, f"break {line}", "c", "clear 1", "next", "return", "c", "q")
    require(SOUGHT in printed, f"{SOUGHT} is missing")
    stops = re.findall(r"^-> (.*)", printed, re.MULTILINE)
    require(AFTER in stops, f"it stopped at {stops}")
    require("return after" in stops[stops.index(AFTER) :], f"it stopped at {stops}")


class Session:
    """A program under debugpy, which stops at a line."""

    def __init__(self, client: Client, program: Path, line: int, gevent: bool) -> None:
        self.client = client
        client.request("initialize", adapterID="switchlib", pathFormat="path")
        attached = client.send("attach", justMyCode=True, gevent=gevent)
        client.event("initialized")
        breakpoints = [{"line": line}]
        client.request("setBreakpoints", source={"path": str(program)}, breakpoints=breakpoints)
        client.request("configurationDone")
        client.response(attached)

    def stop(self, reason: str) -> tuple[int, list[dict[str, Any]]]:
        """Waits until the program stops; returns the thread and its frames."""
        event = self.client.event("stopped")
        expect("reason of the stop", event["reason"], reason)
        thread = event["threadId"]
        frames = self.client.request("stackTrace", threadId=thread)["stackFrames"]
        return thread, frames

    def value(self, frame: dict[str, Any], name: str) -> str | None:
        """A local variable of a frame."""
        scopes = self.client.request("scopes", frameId=frame["id"])["scopes"]
        for scope in scopes:
            reference = scope["variablesReference"]
            for each in self.client.request("variables", variablesReference=reference)["variables"]:
                if each["name"] == name:
                    return str(each["value"])
        return None


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def debugpy_judge(use: Use, name: str, gevent: bool, values: set[str], result: str) -> None:
    program = use.program(name)
    port = free_port()
    listen = ("--listen", f"127.0.0.1:{port}", "--wait-for-client")
    command = use.python("-Xfrozen_modules=off", "-m", "debugpy", *listen, name)
    variables = {"GEVENT_SUPPORT": "True"} if gevent else {}
    with use.start(command, **variables) as running, Client(port) as client:
        session = Session(client, program, line_of(program, AFTER), gevent)
        found = set()
        for _ in range(2):
            thread, frames = session.stop("breakpoint")
            names = [frame["name"] for frame in frames[:2]]
            expect("stack", names, [SOUGHT, "branch"])
            value = session.value(frames[0], "value")
            found.add(value)
            client.request("next", threadId=thread)
            thread, frames = session.stop("step")
            expect("line of the step", frames[0]["line"], line_of(program, "return after"))
            after = session.value(frames[0], "after")
            expect("value of after", after, str(int(value or 0) + 1))
            client.request("continue", threadId=thread)
        expect("values", found, values)
        finish(client, running, result)


def finish(client: Client, running: Running, result: str) -> None:
    """Waits for the end of the program, which prints its result."""
    client.event("terminated")
    client.send("disconnect")
    require(result in running.end(), "the program did not print its result")


PLAIN = "debugged.py", False, {"20", "40"}, "[20, 40, 41, 21]"
GEVENT = "debugged_gevent.py", True, {"20", "40"}, "[21, 41]"


@check("debugpy", "by its protocol: breakpoints, stacks, variables, steps", "debugpy")
def debugpy(use: Use) -> None:
    debugpy_judge(use, *PLAIN)


@check("debugpy", "the same with gevent", "debugpy", "gevent")
def debugpy_gevent(use: Use) -> None:
    debugpy_judge(use, *GEVENT)


@check("debugpy", "by its protocol: `next` over a switch", "debugpy")
def debugpy_next(use: Use) -> None:
    program = use.program("debugged.py")
    port = free_port()
    listen = ("--listen", f"127.0.0.1:{port}", "--wait-for-client")
    command = use.python("-Xfrozen_modules=off", "-m", "debugpy", *listen, "debugged.py")
    with use.start(command) as running, Client(port) as client:
        session = Session(client, program, line_of(program, "main.switch(value)"), False)
        thread, frames = session.stop("breakpoint")
        expect("function", frames[0]["name"], SOUGHT)
        client.request("setBreakpoints", source={"path": str(program)}, breakpoints=[])
        client.request("next", threadId=thread)
        thread, frames = session.stop("step")
        expect("line of the step", frames[0]["line"], line_of(program, AFTER))
        client.request("continue", threadId=thread)
        finish(client, running, "[20, 40, 41, 21]")
