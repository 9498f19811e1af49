"""What a failing test tells of its apps, and what misuse of a fixture says."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.testing.harness.conftest import Outcome

RunPytest = Callable[..., "Outcome"]


def test_failing_test_tells_of_its_apps_and_a_passing_one_does_not(run_pytest: RunPytest) -> None:
    outcome = run_pytest("""
        BAD = "import os; os.write(1, b'half'); os.write(2, b'no such table\\\\n'); os._exit(3)"
        APPS = python("good", "print('hello'); " + SLEEP), python("bad", BAD, restart="temporary")

        def test_blocking(supervised):
            tree = supervised(*APPS)
            tree["good"].wait_output("up")
            tree["bad"].wait_state("exited")
            assert False

        async def test_in_trio(supervised):
            tree = await supervised(*APPS)
            await tree["good"].wait_output("up")
            await tree["bad"].wait_state("exited")
            assert False

        def test_passing(supervised):
            supervised(python("silent", "print('quiet'); " + SLEEP))["silent"].wait_output("quiet")
    """)
    outcome.check(failed=2, passed=1)
    for told in (
        r"-+ supctl: /good -+\n  state: running, restarts: 0\n",
        r"-+ supctl: /bad -+\n  state: exited, .* ended last: crashed \(exited with code 3\)\n",
        r"    \| half\n    \| no such table\n",
    ):
        assert len(re.findall(told, outcome.text)) == 2, outcome.text
    assert "silent" not in outcome.text


def test_summary_line_says_what_was_waited_for(run_pytest: RunPytest) -> None:
    outcome = run_pytest("""
        def test_it(supervised):
            supervised(python("a", "raise SystemExit(3)"))["a"].wait_ready(Tcp(9))
    """)
    outcome.check(failed=1)
    told = "/a does not become ready (127.0.0.1:9 accepts connections): it has ended: crashed"
    assert re.search(rf"^E .*{re.escape(told)}", outcome.text, re.MULTILINE)
    assert "_threads.py" not in outcome.text  # the way through trio helps nobody


def test_start_that_fails_tells_of_the_app(run_pytest: RunPytest) -> None:
    outcome = run_pytest("""
        def test_it(supervised):
            supervised(App("a", ["no-such-program"]))
    """)
    outcome.check(failed=1)
    assert "StartFailed: /a did not start: cannot start 'no-such-program'" in outcome.text
    assert "supctl: /a" in outcome.text


def test_tree_that_gave_up_unnoticed_is_an_error(run_pytest: RunPytest) -> None:
    outcome = run_pytest("""
        SPEC = Supervisor("shop", [python("bad", "print('oh'); raise SystemExit(4)")])

        async def test_in_trio(supervised):
            tree = await supervised(SPEC)
            await tree.tree.ended.wait()

        def test_blocking(supervised):
            tree = supervised(SPEC)
            while tree.latest_events[-1].kind != "tree_stopped":
                time.sleep(0.01)

        def test_told(supervised):
            with pytest.raises(WaitFailed):
                supervised(SPEC)["bad"].wait_restarted(times=5)
    """)
    outcome.check(passed=3, errors=2)
    assert len(re.findall(r"GaveUp: shop gave up: /bad crashed \(exited with", outcome.text)) >= 2
    assert "    | oh" in outcome.text


def test_report_of_chaos_tells_the_seed_and_the_deeds(run_pytest: RunPytest) -> None:
    outcome = run_pytest("""
        def test_it(supervised):
            tree = supervised(python("a", SLEEP))
            with chaos(tree, seed=42, rate=50, faults=["kill"]):
                tree["a"].wait_restarted()
                assert False
    """)
    outcome.check(failed=1)
    assert "supctl: chaos, seed 42" in outcome.text
    assert re.search(r"^after 0\.\d+ s: kill /a, pid \d+$", outcome.text, re.MULTILINE)


def test_misuse_is_told_in_a_sentence(run_pytest: RunPytest) -> None:
    outcome = run_pytest("""
        def test_world(simulated_world):
            pass

        def test_shared(supervised_shared):
            with pytest.raises(Exception, match="name. is 'a/b'; wanted letters, digits, _ and -"):
                supervised_shared("a/b", lambda port: None)
            with pytest.raises(Exception, match="make is 3; wanted a function of the port"):
                supervised_shared("a", 3)
            with pytest.raises(Exception, match=r"make.port. is None; wanted an App of one inst"):
                supervised_shared("a", lambda port: None)
            with pytest.raises(Exception, match=r"ready.port. is 3; wanted Tcp, Http or Output"):
                supervised_shared("a", lambda port: App("a", ["true"]), ready=lambda port: 3)
    """)
    outcome.check(passed=1, errors=1)
    assert (
        "simulated_world is not for a test without trio; make it an `async def` that pytest-trio"
    ) in outcome.text


def test_leaks_are_named(run_pytest: RunPytest) -> None:
    outcome = run_pytest("""
        import subprocess, threading
        kept = []

        def test_process(assert_no_leaks):
            kept.append(subprocess.Popen(["sleep", "1000"]))

        def test_descriptor(assert_no_leaks):
            kept.append(open("/dev/null"))

        def test_thread(assert_no_leaks):
            go = threading.Event()
            kept.append(go)
            threading.Thread(target=go.wait, name="lingerer").start()

        def test_nothing(assert_no_leaks):
            subprocess.run(["true"])

        def test_end():
            kept[0].kill(), kept[0].wait(), kept[1].close(), kept[2].set()
    """)
    outcome.check(passed=5, errors=3)
    for told in (r"process \d+ sleep 1000", r"descriptor \d+ -> /dev/null", "thread lingerer"):
        assert re.search(rf"the test has left behind:\n.*{told}", outcome.text), outcome.text


def test_leaks_are_looked_for_after_all_fixtures_of_the_test(run_pytest: RunPytest) -> None:
    outcome = run_pytest("""
        @pytest.fixture(scope="session")
        def wide():
            with open("/dev/null") as file:
                yield file

        def test_blocking(wide, supervised, free_port, assert_no_leaks):
            supervised(python("a", SLEEP))["a"].wait_output("up")

        async def test_in_trio(supervised, free_port, assert_no_leaks):
            await (await supervised(python("a", SLEEP)))["a"].wait_output("up")

        async def test_simulated(simulated_world, assert_no_leaks):
            await simulated_world(App("a", ["a"]), programs={"a": Program()})
    """)
    outcome.check(passed=3)
    assert "error" not in outcome.text


def test_fixtures_of_the_user_may_build_on_it(run_pytest: RunPytest) -> None:
    outcome = run_pytest("""
        @pytest.fixture
        def app(supervised):
            return supervised(python("a", SLEEP))["a"]

        @pytest.fixture
        async def app_in_trio(supervised):
            yield (await supervised(python("a", SLEEP)))["a"]

        def test_blocking(app):
            app.wait_output("up")

        async def test_in_trio(app_in_trio):
            await app_in_trio.wait_output("up")
    """)
    outcome.check(passed=2)


def test_marker_instead_of_trio_mode(run_pytest: RunPytest) -> None:
    text = """
        @pytest.mark.trio
        async def test_real(supervised):
            await (await supervised(python("a", SLEEP)))["a"].wait_output("up")

        @pytest.mark.trio
        async def test_simulated(simulated_world):
            tree = await simulated_world(App("a", ["a"]), programs={"a": Program(lifetime=3600)})
            await tree["a"].wait_restarted(timeout=4000)
    """
    run_pytest(text, ini="").check(passed=2)


def test_without_pytest_trio(run_pytest: RunPytest) -> None:
    text = """
        def test_blocking(supervised, free_port, assert_no_leaks):
            supervised(python("a", SLEEP))["a"].wait_output("up")

        def test_world(simulated_world):
            pass
    """
    outcome = run_pytest(text, "-p", "no:trio", ini="")
    outcome.check(passed=1, errors=1)
    assert "simulated_world is not for a test without trio" in outcome.text


def test_projects_that_do_not_use_it_do_not_pay_for_it(run_pytest: RunPytest) -> None:
    text = """
        def test_it():
            loaded = {name for name in sys.modules if name.partition(".")[0] in ("trio", "psutil")}
            assert not loaded
            ours = {name for name in sys.modules if name.startswith("supctl.")}
            assert ours == {"supctl._version", "supctl.testing", "supctl.testing.plugin"}
    """
    head = "import sys\n"
    run_pytest(text, "-p", "no:trio", ini="", head=head).check(passed=1)
