"""csrc/mechanism/capi.c and switchlib/shim/greenlet/greenlet.h: extension modules,
built with our header and with greenlet's, run on switchlib.
"""

from __future__ import annotations

import gc
import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

import switchlib
from switchlib import GreenletExit, _mechanism, error, getcurrent, greenlet

pytestmark = pytest.mark.cpython("there is no C API")

SOURCE = Path(__file__).with_name("extension.c")


def greenlets_headers() -> str:
    """The directory of the real greenlet's greenlet/greenlet.h."""
    try:
        return str(importlib.metadata.distribution("greenlet").locate_file(""))
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("needs the real greenlet, of the extra `dev`")


def build(compiler: str, include: str, directory: Path, *options: str) -> Path:
    if shutil.which(compiler) is None:
        pytest.skip(f"there is no {compiler} here")
    path = directory / "extension.so"
    command = [
        compiler,
        "-O1",
        "-Wall",
        "-Wextra",
        "-Wundef",
        "-fPIC",
        "-shared",
        *options,
        f"-I{include}",
    ]
    # Python's own headers are not held to our warnings.
    subprocess.run(
        [*command, "-isystem", sysconfig.get_path("include"), "-o", path, SOURCE], check=True
    )
    return path


@pytest.fixture(scope="module", params=["ours", "greenlet's"])
def extension(request, tmp_path_factory):
    """The extension, built with that header and imported where `greenlet` is switchlib."""
    include = switchlib.get_include() if request.param == "ours" else greenlets_headers()
    path = build("cc", include, tmp_path_factory.mktemp("extension"))
    spec = importlib.util.spec_from_file_location("extension", path)
    return importlib.util.module_from_spec(spec)  # which runs its init


@pytest.fixture(scope="module", autouse=True)
def _the_capsule():
    stand_in = ModuleType("greenlet")
    stand_in._C_API = _mechanism.c_api()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "greenlet", stand_in)
        yield


def test_types_and_layout(extension):
    assert extension.greenlet is greenlet
    assert extension.error is error
    assert extension.GreenletExit is GreenletExit
    assert extension.entries == 12
    assert extension.size == greenlet.__basicsize__


def test_check(extension):
    assert extension.check(getcurrent()) is True
    assert extension.check(5) is False
    assert extension.check(None) is False


def test_new_getcurrent_and_parents(extension):
    main = extension.getcurrent()
    assert main is getcurrent()
    first = extension.new(None, None)
    assert type(first) is greenlet
    assert first.parent is main
    second = extension.new(extension.getcurrent, first)
    assert extension.get_parent(second) is first
    assert extension.get_parent(main) is None
    extension.set_parent(second, main)
    assert second.parent is main
    assert second.switch() is second
    with pytest.raises(TypeError, match="Expected any type of greenlet, not int"):
        extension.new(None, 5)
    with pytest.raises(ValueError, match="cyclic"):
        extension.set_parent(first, first)


def test_switch(extension):
    main = getcurrent()

    def run(*args, **kwargs):
        got = (args, kwargs)
        while True:
            got = main.switch(got)

    each = greenlet(run)
    assert extension.switch(each, (1, 2), {"a": 3}) == ((1, 2), {"a": 3})
    assert extension.switch(each, (4,), None) == 4
    assert extension.switch(each, (5, 6), {}) == (5, 6)
    assert extension.switch(each, None, {"b": 7}) == {"b": 7}
    assert extension.switch(each, (8,), {"b": 9}) == ((8,), {"b": 9})
    assert extension.switch(each, None, None) == ()
    with pytest.raises(TypeError):
        extension.switch(each, [1], None)


def test_throw(extension):
    main = getcurrent()

    def run():
        while True:
            try:
                main.switch()
            except ValueError as exception:
                main.switch(exception)

    each = greenlet(run)
    each.switch()
    caught = extension.throw(each, ValueError, 5, None)
    assert caught.args == (5,)
    each.switch()
    with pytest.raises(ZeroDivisionError) as raised:
        1 / 0  # noqa: B018
    value = ValueError(6)
    assert extension.throw(each, ValueError, value, raised.tb) is value
    assert value.__traceback__.tb_next.tb_frame is raised.tb.tb_frame
    each.switch()
    assert isinstance(extension.throw(each, GreenletExit, None, None), GreenletExit)
    assert each.dead
    with pytest.raises(TypeError, match="exceptions must be classes"):
        extension.throw(each, 5, None, None)


def test_states(extension):
    each = greenlet(lambda: getcurrent().parent.switch())
    states = []
    for _ in range(3):
        states.append((extension.main(each), extension.started(each), extension.active(each)))
        each.switch()
    assert states == [(0, 0, 0), (0, 1, 1), (0, 1, 0)]
    assert extension.main(getcurrent()) == 1


def test_what_is_no_greenlet_is_refused(extension):
    calls = [
        lambda: extension.switch(5, None, None),
        lambda: extension.throw(5, ValueError, None, None),
        lambda: extension.throw(greenlet(), None, None, None),
        lambda: extension.set_parent(5, getcurrent()),
        lambda: extension.set_parent(greenlet(), 5),
        *(
            lambda ask=ask: ask(5)
            for ask in (extension.get_parent, extension.main, extension.started)
        ),
        lambda: extension.active(5),
    ]
    for call in calls:
        with pytest.raises(TypeError):
            call()


def test_a_derived_c_type_switches_and_is_collected(extension):
    main = getcurrent()
    each = extension.Extended(lambda x: main.switch(x + 1))
    each.extra = [each]
    assert each.switch(1) == 2
    ended = []
    each.extra.append(greenlet(lambda: ended.append(main.switch())))
    each.extra[1].switch()
    each.switch()
    assert each.dead
    del each
    gc.collect()
    getcurrent()  # the inner one was found suspended, and dies now
    assert len(ended) == 0


def test_a_c_type_may_allocate_its_objects_itself(extension):
    main = getcurrent()
    several = [extension.Allocated(lambda: main.switch(5)) for _ in range(3)]
    assert extension.count_own_objects() == 3
    assert [each.switch() for each in several] == [5, 5, 5]
    several[0].switch()
    several.append(type("Derived", (extension.Allocated,), {})(lambda: 7))
    assert several[3].switch() == 7
    assert extension.count_own_objects() == 3
    del several
    assert extension.count_own_objects() == 0


@pytest.mark.parametrize("began", [False, True])
def test_a_class_over_a_derived_c_type_is_counted_right(extension, began):
    """Its instances own their class, and CPython's own code for classes drops
    it where their C base is static.
    """

    class Derived(extension.Extended):
        pass

    def make():
        each = Derived(getcurrent().switch)
        if began:
            each.switch()
        return each

    before = sys.getrefcount(Derived)
    for _ in range(10):
        make()
    assert sys.getrefcount(Derived) == before
    for _ in range(10):
        each = make()
        each.extra = each
    del each
    gc.collect()
    getcurrent()  # those that the collector found die now
    gc.collect()
    assert sys.getrefcount(Derived) == before


def test_one_that_lives_on_twice_keeps_its_class(extension):
    """A greenlet that does not end when it is killed may come back to life,
    and its class with it.
    """
    main, saved = getcurrent(), []

    class Derived(extension.Extended):
        pass

    def run():
        while True:
            try:
                main.switch()
            except GreenletExit:
                saved.append(getcurrent())

    each = Derived(run)
    each.switch()
    before = sys.getrefcount(Derived)
    for _ in range(3):
        del each
        each = saved.pop()
        assert type(each) is Derived
        assert sys.getrefcount(Derived) == before
    with pytest.raises(ValueError, match="the end"):
        each.throw(ValueError("the end"))


ELSEWHERE = """
import importlib.util, sys
from types import ModuleType
from switchlib import _mechanism, getcurrent, greenlet

sys.modules["greenlet"] = ModuleType("greenlet")
sys.modules["greenlet"]._C_API = _mechanism.c_api()
spec = importlib.util.spec_from_file_location("extension", sys.argv[1])
extension = importlib.util.module_from_spec(spec)
main = getcurrent()
suspended = greenlet(lambda: main.switch(1))
assert suspended.switch() == 1
assert greenlet(lambda: (extension.getcurrent_elsewhere(), "ended")).switch() == (True, "ended")
assert suspended.switch(2) == 2
"""


def test_a_subinterpreter_that_asks_does_no_harm_to_the_threads_of_ours(
    extension, python, shortcuts
):
    """An extension may, by greenlet.h, in a subinterpreter that shares the GIL."""
    python("-c", ELSEWHERE, extension.__spec__.origin, SWITCHLIB_SHORTCUTS=str(int(shortcuts)))


def test_an_extension_built_with_our_header_runs_on_greenlet(tmp_path):
    greenlets_headers()
    build("cc", switchlib.get_include(), tmp_path)
    program = (
        "import extension, greenlet; assert extension.greenlet is greenlet.greenlet is not None;"
        "each = extension.Extended(lambda x: extension.getcurrent().parent.switch(x + 1));"
        "print(greenlet.greenlet, extension.switch(each, (1,), None), extension.active(each))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["<class", "'greenlet.greenlet'>", "2", "1"]


@pytest.mark.once
@pytest.mark.parametrize("compiler", ["gcc", "clang", "g++"])
def test_the_header_compiles_without_warnings(compiler, tmp_path):
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    language = ["-x", "c++", "-fsyntax-only"] if compiler == "g++" else []
    source = tmp_path / "source.c"
    source.write_text(
        "#include <greenlet/greenlet.h>\n"
        "int f(void);\n"
        "int f(void) { PyGreenlet_Import(); return 0; }\n"
    )
    subprocess.run(
        [
            *(
                compiler,
                *language,
                "-Wall",
                "-Wextra",
                "-Wundef",
                "-Werror",
                "-c",
                source,
                "-o",
                tmp_path / "out.o",
            ),
            *(f"-I{switchlib.get_include()}", "-isystem", sysconfig.get_path("include")),
        ],
        check=True,
    )
