"""csrc/shim/greenlet.c and switchlib/_shim.py: what profilers see of greenlets,
and find them by.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time

import pytest

from switchlib._install import SHIM_DIRECTORY

pytestmark = [pytest.mark.once, pytest.mark.cpython("there is no extension module")]

LOOK_AT_THE_MODULE = """
import importlib.util, sys
from greenlet import _greenlet
print(_greenlet.__file__)
unexecuted = importlib.util.module_from_spec(_greenlet.__spec__)
assert unexecuted is not _greenlet
assert {*vars(unexecuted)} == {*vars(_greenlet)}
assert unexecuted.settrace is sys.modules["switchlib"].settrace
"""


@pytest.mark.parametrize("way", ["shim", "install"])
def test_the_extension_module_is_a_shared_object_and_complete_at_once(python, way):
    """memray looks for `/_greenlet.` in what is loaded,
    and calls settrace once the module is in sys.modules.
    """
    if way == "shim":
        path = python("-c", LOOK_AT_THE_MODULE, PYTHONPATH=SHIM_DIRECTORY).stdout.strip()
    else:
        path = python(
            "-c", "import switchlib; switchlib.install()" + LOOK_AT_THE_MODULE
        ).stdout.strip()
    assert path == f"{SHIM_DIRECTORY}/greenlet/_greenlet{sysconfig.get_config_var('EXT_SUFFIX')}"


def test_python_stands_in_where_it_was_not_compiled(python, tmp_path):
    ignored = shutil.ignore_patterns("*.so")
    shutil.copytree(f"{SHIM_DIRECTORY}/greenlet", tmp_path / "greenlet", ignore=ignored)
    list_names = (
        "import greenlet._greenlet as g; print(sorted(n for n in vars(g) if not "
        "n.startswith('__')))"
    )
    in_python = python("-c", list_names, PYTHONPATH=str(tmp_path)).stdout
    assert in_python == python("-c", list_names, PYTHONPATH=SHIM_DIRECTORY).stdout


def test_no_table_holds_the_address_of_the_allocators_functions():
    """memray and heaptrack rewrite such addresses wherever they lie,
    and take what else was stored there for malloc.
    """
    if shutil.which("readelf") is None:
        pytest.skip("needs readelf, of binutils")
    library = importlib.util.find_spec("switchlib._switch").origin
    printed = subprocess.run(
        ["readelf", "-rW", library], capture_output=True, text=True, check=True
    ).stdout
    assert "JUMP_SLO" in printed or "GLOB_DAT" in printed, "functions are called through slots"
    functions = (
        r"\b(malloc|free|calloc|realloc|memalign|posix_memalign|aligned_alloc|mmap|munmap)\b"
    )
    found = [line for line in printed.splitlines() if re.search(functions, line)]
    assert [line for line in found if "JUMP_SLO" not in line and "GLOB_DAT" not in line] == []


# One greenlet that is killed while it is suspended within a call, and then an allocation by main.
SMALLEST = """
import greenlet
main = greenlet.getcurrent()
def wait():
    held = bytearray(30_000)
    main.switch()
def start():
    g = greenlet.greenlet(wait)
    g.switch()
    return g
g = start()
del g
after = bytearray(20_000)
print("the end")
"""

WHERE_ALLOCATED = """
import memray, sys
for record in memray.FileReader(sys.argv[1]).get_allocation_records():
    if record.size in (20_001, 30_001):
        print(record.size, record.tid, *(name for name, _, _ in record.stack_trace()[:1]))
        print(record.size, "stack", *(name for name, _, _ in record.stack_trace()))
"""


@pytest.mark.skipif(
    importlib.util.find_spec("memray") is None, reason="needs memray, of the extra `dev`"
)
def test_memray_distinguishes_greenlets(python, tmp_path):
    (tmp_path / "program.py").write_text(SMALLEST)
    results = str(tmp_path / "results")
    run = python(
        "-m",
        "memray",
        "run",
        "-o",
        results,
        str(tmp_path / "program.py"),
        PYTHONPATH=SHIM_DIRECTORY,
    )
    assert "the end" in run.stdout
    assert "Memray support for Greenlet" in run.stdout + run.stderr
    first, first_stack, second, second_stack = python(
        "-c", WHERE_ALLOCATED, results
    ).stdout.splitlines()
    assert first.startswith("30001 ")
    assert first_stack == "30001 stack wait"
    assert second_stack.startswith("20001 stack <module> ")
    assert "wait" not in second_stack
    assert first.split()[1] != second.split()[1], "each greenlet is a thread of its own to memray"


@pytest.mark.native("heaptrack's library is this machine's own")
@pytest.mark.skipif(sys.maxsize < 2**32, reason="heaptrack's library has 64 bits")
@pytest.mark.skipif(shutil.which("heaptrack") is None, reason="heaptrack is not installed")
def test_heaptrack(tmp_path):
    (tmp_path / "program.py").write_text(SMALLEST)
    done = subprocess.run(
        ["heaptrack", sys.executable, "program.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": SHIM_DIRECTORY},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "the end" in done.stdout


ATTACHED = f"""
import sys
source = {SMALLEST!r}
exec(source)
g = start()
print("attach", flush=True)
sys.stdin.readline()
g = None
exec(source)
"""


@pytest.mark.native("heaptrack's library is this machine's own")
@pytest.mark.skipif(sys.maxsize < 2**32, reason="heaptrack's library has 64 bits")
@pytest.mark.skipif(
    not (shutil.which("heaptrack") and shutil.which("gdb")), reason="needs heaptrack and gdb"
)
def test_heaptrack_attaches_to_a_program_with_a_suspended_greenlet(tmp_path):
    """What was allocated before is freed under the tool."""
    program = subprocess.Popen(
        [sys.executable, "-c", ATTACHED],
        env=os.environ | {"PYTHONPATH": SHIM_DIRECTORY},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    attaching = None
    try:
        assert [program.stdout.readline(), program.stdout.readline()] == ["the end\n", "attach\n"]
        with (tmp_path / "said").open("w") as said:
            attaching = subprocess.Popen(
                ["heaptrack", "-p", str(program.pid)],
                cwd=tmp_path,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        for _ in range(600):
            if (
                "injection finished" in (tmp_path / "said").read_text()
                or attaching.poll() is not None
            ):
                break
            time.sleep(0.1)
        if "ptrace" in (tmp_path / "said").read_text():
            pytest.skip("programs may not be attached to here")
        printed, _ = program.communicate("\n", timeout=60)
        assert (program.returncode, printed) == (0, "the end\n")
        attaching.wait(60)
    finally:
        for process in filter(None, (program, attaching)):
            process.kill()
            process.wait()
        program.stdin.close()
        program.stdout.close()


NAMES = """
import cProfile, pickle, pstats
DISABLE = "<method 'disable' of '_lsprof.Profiler' objects>"
import greenlet
def run():
    greenlet.getcurrent().parent.switch()
    greenlet.settrace(greenlet.gettrace())
profile = cProfile.Profile()
profile.enable()
g = greenlet.greenlet(run)
g.switch()
g.switch()
g.throw()
profile.disable()
names = sorted(name for _, _, name in pstats.Stats(profile).stats)
print(*(name for name in names if name not in ("run", DISABLE)), sep="\\n")
for each in (
    greenlet.greenlet, greenlet.error, greenlet.GreenletExit, greenlet.getcurrent, greenlet.gettrace
):
    assert pickle.loads(pickle.dumps(each)) is each, each
    print(each, each.__module__, each.__qualname__)
print(type(pickle.loads(pickle.dumps(greenlet.error("x")))), end=" ")
print(pickle.loads(b"cgreenlet\\nerror\\n.") is greenlet.error)
try:
    g.nothing
except AttributeError as error:
    print(error)
print(greenlet.greenlet.switch, greenlet.greenlet.run)
"""
GREENLETS_NAMES = """
<built-in method greenlet._greenlet.getcurrent>
<built-in method greenlet._greenlet.gettrace>
<built-in method greenlet._greenlet.settrace>
<method 'switch' of 'greenlet.greenlet' objects>
<method 'throw' of 'greenlet.greenlet' objects>
<class 'greenlet.greenlet'> greenlet greenlet
<class 'greenlet.error'> greenlet error
<class 'greenlet.GreenletExit'> greenlet GreenletExit
<built-in function getcurrent> greenlet._greenlet getcurrent
<built-in function gettrace> greenlet._greenlet gettrace
<class 'greenlet.error'> True
'greenlet.greenlet' object has no attribute 'nothing'
<method 'switch' of 'greenlet.greenlet' objects> <attribute 'run' of 'greenlet.greenlet' objects>
"""


def test_names_under_the_shim_are_greenlets(python):
    assert python("-c", NAMES, PYTHONPATH=SHIM_DIRECTORY).stdout == GREENLETS_NAMES[1:]


@pytest.mark.skipif(
    importlib.util.find_spec("greenlet") is None,
    reason="needs the real greenlet, of the extra `dev`",
)
def test_names_are_so_in_greenlet(python):
    assert python("-c", NAMES).stdout == GREENLETS_NAMES[1:]


def test_names_without_the_shim_are_switchlibs(python):
    """`greenlet` may be another package there, so nothing could be pickled by its names."""
    program = NAMES.replace("import greenlet", "import switchlib as greenlet").replace(
        "cgreenlet", "cswitchlib"
    )
    expected = GREENLETS_NAMES[1:].replace("greenlet._greenlet", "switchlib")
    expected = expected.replace("greenlet.", "switchlib.").replace("> greenlet ", "> switchlib ")
    assert python("-c", program).stdout == expected


@pytest.mark.skipif(
    importlib.util.find_spec("viztracer") is None, reason="needs viztracer, of the extra `dev`"
)
def test_viztracer_names_switches(python, tmp_path):
    program = (
        "import greenlet, json, sys, viztracer\n"
        "def run(): greenlet.getcurrent().parent.switch()\n"
        "with viztracer.VizTracer(verbose=0, output_file=sys.argv[1]):\n"
        "    g = greenlet.greenlet(run); g.switch(); g.switch()\n"
        "names = {event['name'] for event in json.load(open(sys.argv[1]))['traceEvents']}\n"
        "assert {'greenlet.greenlet.switch', 'greenlet._greenlet.getcurrent'} < names, names\n"
    )
    python("-c", program, str(tmp_path / "results.json"), PYTHONPATH=SHIM_DIRECTORY)


@pytest.mark.skipif(
    importlib.util.find_spec("objgraph") is None, reason="needs objgraph, of the extra `dev`"
)
def test_objgraph_finds_greenlets_by_name(python):
    program = (
        "import greenlet, objgraph\n"
        "g = greenlet.greenlet(print)\n"
        "assert g in objgraph.by_type('greenlet.greenlet'), objgraph.by_type('greenlet')\n"
        "assert ('greenlet.greenlet', 2) in objgraph.most_common_types(1000, shortnames=False)\n"
    )
    python("-c", program, PYTHONPATH=SHIM_DIRECTORY)
