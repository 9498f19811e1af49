"""Nothing is left, however pytest ends: a signal, a time-out, a crash, in any kind of test."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.testing.harness.conftest import Outcome, Session

StartPytest = Callable[..., "Session"]
RunPytest = Callable[..., "Outcome"]

STUBBORN = """
    STUBBORN = '''
    import os, signal, time
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.fork() == 0 and os.fork() == 0:
        os.setsid()  # out of its parent's sight
    print("up")
    time.sleep(1000)
    '''
"""

BLOCKING = """
    def test_it(supervised):
        tree = supervised(python("a", STUBBORN), python("b", SLEEP))
        tree["a"].wait_output("up")
        tell("here", tree["a"].pid)
        tree["b"].wait_output("never", timeout=1000)
"""

IN_TRIO = """
    import trio

    async def test_it(supervised):
        tree = await supervised(python("a", STUBBORN), python("b", SLEEP))
        await tree["a"].wait_output("up")
        tell("here", tree["a"].pid)
        await trio.sleep_forever()
"""

SHARED = """
    def test_it(supervised_shared):
        shared = supervised_shared("a", lambda port: python("a", STUBBORN))
        tell("here", shared.pid)
        time.sleep(1000)
"""

KINDS = {"blocking": BLOCKING, "in trio": IN_TRIO, "shared": SHARED}


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("blocking", signal.SIGKILL),
        ("in trio", signal.SIGKILL),
        ("shared", signal.SIGKILL),
        ("blocking", signal.SIGTERM),
        ("blocking", signal.SIGINT),
        ("in trio", signal.SIGINT),
        ("shared", signal.SIGINT),
    ],
)
def test_nothing_is_left_after(
    start_pytest: StartPytest, kind: str, number: signal.Signals
) -> None:
    session = start_pytest(STUBBORN + KINDS[kind])
    session.wait_file("here")
    assert len(session.carriers()) >= 4  # pytest, the reaper, the app and what it has hidden
    session.signal(number)
    outcome = session.wait()
    if number is signal.SIGINT:
        # To pytest-trio the interrupt of a test is its failure, as it comes in a group.
        assert outcome.status == (1 if kind == "in trio" else 2)
        assert "KeyboardInterrupt" in outcome.text
    else:
        assert outcome.status == -number
    session.wait_nothing_left()


@pytest.mark.parametrize("kind", ["blocking", "in trio"])
@pytest.mark.parametrize("method", ["signal", "thread"])
def test_nothing_is_left_after_a_time_out(
    start_pytest: StartPytest, kind: str, method: str
) -> None:
    limited = f"""
    test_it = pytest.mark.timeout(2, method={method!r})(test_it)

    def test_after():
        tell("after", 1)
        time.sleep(1000)
    """
    # A time-out that strikes inside trio leaves coroutines that nobody can end.
    session = start_pytest(STUBBORN + KINDS[kind] + limited, "-W", "ignore")
    session.wait_file("here")
    if method == "signal":
        session.wait_file("after")  # the next test begins when nothing of this one is left
        (only,) = session.carriers()
        assert only.pid == session.process.pid
    else:  # pytest-timeout ends the process at once
        assert session.wait().status == 1
        session.wait_nothing_left()


def test_nothing_is_left_after_the_test_itself_breaks(run_pytest: RunPytest) -> None:
    run_pytest("""
        import psutil, trio

        def nothing_below():
            return psutil.Process().children(recursive=True) == []

        def test_failing(supervised):
            supervised(python("a", SLEEP))
            assert False

        async def test_failing_in_trio(supervised):
            await supervised(python("a", SLEEP))
            assert False

        async def test_cancelled(supervised):
            tree = await supervised(python("a", SLEEP))
            with trio.move_on_after(0.1):
                await tree["a"].wait_output("never")
            assert not nothing_below()

        async def test_start_is_cancelled(supervised):
            with trio.move_on_after(0.01):
                await supervised(python("a", SLEEP), python("b", SLEEP))

        async def test_crash_beside(supervised, nursery):
            async def crash():
                raise RuntimeError("beside")

            tree = await supervised(python("a", SLEEP))
            nursery.start_soon(crash)
            await trio.sleep_forever()

        def test_skipped(supervised):
            supervised(python("a", SLEEP))
            pytest.skip("for a reason")

        @pytest.fixture(autouse=True)
        def check():
            yield
            assert nothing_below()
    """).check(failed=3, passed=2, skipped=1)
