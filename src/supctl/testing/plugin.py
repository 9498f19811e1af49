"""The pytest plugin: fixtures, and what a failing test tells of its apps.

pytest imports this in every session of every project of an environment that has supctl, so it
imports nothing but pytest until a fixture is used.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .blocking import BlockingSupervised
    from .sharing import SharedApps
    from .shelf import Shelf
    from .simulation import SimulatedWorld
    from .tree import Supervised

_SHELF = pytest.StashKey["Shelf"]()
_SHARED = pytest.StashKey["SharedApps"]()


@pytest.fixture
def supervised(
    request: pytest.FixtureRequest, _supctl_shelf: Shelf
) -> Iterator[Supervised | BlockingSupervised]:
    """Start trees of real programs: ``tree = supervised(App("api", ["uvicorn", ...]))``.

    All of it is gone at the end of the test, however that comes. In a trio test it is to be
    awaited and runs in the test's own loop; in any other test it runs in a thread of its own.
    """
    if _is_trio_test(request):
        # To pytest-trio the value of a fixture may be a promise, kept once its loop runs.
        yield request.getfixturevalue("_supervised_in_trio")
        return
    from .blocking import BlockingSupervised, Portal

    with Portal() as portal:
        yield BlockingSupervised(portal, _supctl_shelf)


@pytest.fixture
async def _supervised_in_trio(_supctl_shelf: Shelf) -> AsyncIterator[Supervised]:
    import trio

    from .tree import Supervised

    async with trio.open_nursery() as nursery:
        yield Supervised(nursery, _supctl_shelf)
        nursery.cancel_scope.cancel()


@pytest.fixture
def simulated_world(request: pytest.FixtureRequest) -> SimulatedWorld:
    """Start trees of scripted programs in virtual time, for trio tests.

    ``tree = await simulated_world(App("api", ["api"]), programs={"api": Program(lifetime=60)})``
    """
    if not _is_trio_test(request):
        from supctl.errors import Unsupported

        instead = "make it an `async def` that pytest-trio runs"
        raise Unsupported("simulated_world", "a test without trio", instead)
    request.node.add_marker(pytest.mark.trio(run=_run_in_virtual_time), append=False)
    world: SimulatedWorld = request.getfixturevalue("_simulated_world_in_trio")
    return world


@pytest.fixture
async def _simulated_world_in_trio(_supctl_shelf: Shelf) -> AsyncIterator[SimulatedWorld]:
    import trio

    from .simulation import SimulatedWorld

    async with trio.open_nursery() as nursery:
        yield SimulatedWorld(nursery, _supctl_shelf)
        nursery.cancel_scope.cancel()


@pytest.fixture
def free_port() -> Iterator[int]:
    """A TCP port that nobody else gets until the end of the test: see ``FreePort``."""
    from .ports import FreePort

    with FreePort() as port:
        yield port.number


@pytest.fixture
def assert_no_leaks() -> Iterator[None]:
    """Fail the test if it leaves processes below this one, descriptors or threads.

    It is set up before the other fixtures of the test and looks after they are gone. What a
    fixture of a wider scope keeps is not the test's.
    """
    from .leaks import Belongings, leaks_since

    before = Belongings.seen()
    yield
    if leaks := leaks_since(before):
        pytest.fail("the test has left behind:\n  " + "\n  ".join(leaks), pytrace=False)


@pytest.fixture(scope="session")
def supervised_shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SharedApps]:
    """Share one running app among all processes of a pytest-xdist session; the last stops it.

    ``api = supervised_shared("api", lambda port: App("api", [..., str(port)]), ready=Tcp)``
    """
    from .sharing import SharedApps

    base = tmp_path_factory.getbasetemp()
    is_worker = hasattr(request.config, "workerinput")
    apps = SharedApps((base.parent if is_worker else base) / "supctl-shared")
    request.config.stash[_SHARED] = apps
    yield apps
    apps.close()


@pytest.fixture
def _supctl_shelf(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shelf]:
    from .shelf import Shelf

    shelf = Shelf(lambda: tmp_path_factory.mktemp("supctl"))
    request.node.stash[_SHELF] = shelf
    yield shelf
    shelf.clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and "assert_no_leaks" in item.fixturenames:
            _set_up_first(item, "assert_no_leaks")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and (shelf := item.stash.get(_SHELF, None)) is not None:
        report.sections += shelf.take_sections()
    if report.failed and "supervised_shared" in getattr(item, "fixturenames", ()):
        shared = item.config.stash.get(_SHARED, None)
        stories = shared.story() if shared is not None else {}
        report.sections += [(f"supctl: shared {name}", text) for name, text in stories.items()]
    return report


def _is_trio_test(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker("trio") is not None


def _set_up_first(item: pytest.Function, name: str) -> None:
    """Put a fixture before all others of the test, behind those of wider scopes."""
    names, definitions = item.fixturenames, item._fixtureinfo.name2fixturedefs
    names.remove(name)
    own = [
        other
        for other in names
        if other in definitions and definitions[other][-1].scope == "function"
    ]
    names.insert(names.index(own[0]) if own else len(names), name)


def _run_in_virtual_time(main: Any, *, clock: Any = None, instruments: Any = ()) -> Any:
    """Run a test as trio does, with a clock that jumps unless the test has one of its own."""
    import trio
    import trio.testing

    jumping = clock or trio.testing.MockClock(autojump_threshold=0)
    return trio.run(main, clock=jumping, instruments=instruments)
