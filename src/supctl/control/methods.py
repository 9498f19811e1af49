"""What the daemon can be asked, written once for all kinds of clients.

Each method is one of the control protocol (docs/protocol.md, "The daemon"), and raises what the
daemon answers: errors of :mod:`supctl.errors`. Where several children can be meant, the answer
has an outcome for each: ``address``, ``did`` (a word or two, empty if it failed), ``status`` (what
a shell would show of its last end) and ``error`` (``code``, ``category``, ``message``, or nothing).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from supctl.errors import ConnectionLost, ProtocolError, UpgradeFailed

Facts: TypeAlias = dict[str, Any]

Items = TypeVar("Items", covariant=True)
"""What a stream comes as: an iterator, or an asynchronous one."""


class Asks(Protocol[Items]):
    """Asks the daemon."""

    async def call(self, method: str, kwargs: Facts, timeout: float | None) -> Any:
        """Return the answer."""
        ...

    def stream(self, method: str, kwargs: Facts) -> Items:
        """Return the items."""
        ...


class Methods(Generic[Items]):
    """The methods of the daemon.

    A ``timeout`` is in seconds, more than 0, for each child; what was asked for goes on then.
    Without ``wait`` a method returns as soon as what is asked for is accepted and saved.

    Args:
        asks: how it is asked.
    """

    def __init__(self, asks: Asks[Items]) -> None:
        self._asks = asks

    async def _call(self, method: str, /, **kwargs: Any) -> Any:
        return await self._asks.call(method, kwargs, None)

    async def ping(self) -> str:
        """Return ``"pong"``."""
        answer: str = await self._call("ping")
        return answer

    async def about(self) -> Facts:
        """Return facts about the daemon: ``version``, ``pid``, ``uptime``, ``children``, ..."""
        answer: Facts = await self._call("about")
        return answer

    async def add(
        self,
        project: str,
        tree: Facts,
        source: str = "",
        profile: str = "",
        plugins: Mapping[str, Sequence[str]] | None = None,
        followed: Facts | None = None,
        *,
        timeout: float | None = None,
        wait: bool = True,
    ) -> Facts:
        """Take in a tree under a name, and start it; return what was ``did``, its ``address``, and
        outcomes of those in it that ``failed`` to come up.

        Args:
            project: its children will be ``/project/...``.
            tree: as a ``supctl.json`` holds it, with absolute paths and exact environments.
            source: the file that it came from.
            profile: the profile of that file which was asked for.
            plugins: what plugins changed in the tree, a phrase for each, by the paths of apps; for
                people.
            followed: if edits of the file are to be followed: ``files`` and digests of them, the
                ``environ`` and the ``directory`` to read them in, and whether that is wanted
                ``by_option``, whatever the file says.
        """
        told = _project(project, tree, source, profile, plugins, followed)
        answer: Facts = await self._call("add", **told, **_patience(timeout, wait))
        return answer

    async def update(
        self,
        project: str,
        tree: Facts,
        source: str = "",
        profile: str = "",
        plugins: Mapping[str, Sequence[str]] | None = None,
        followed: Facts | None = None,
        *,
        timeout: float | None = None,
        wait: bool = True,
    ) -> list[Facts]:
        """Make a project be what its file says now; only what has changed is touched.

        Returns an outcome for each child that is not as it was: ``added``, ``removed``,
        ``restarted``, or ``changed`` if it runs on; with ``keys`` and ``because`` as of
        :meth:`plan`, if it is waited for. The arguments are those of :meth:`add`.
        """
        told = _project(project, tree, source, profile, plugins, followed)
        outcomes: list[Facts] = await self._call("update", **told, **_patience(timeout, wait))
        return outcomes

    async def plan(self, project: str, tree: Facts) -> list[Facts]:
        """Return what :meth:`update` would do, in its order: a row for the project and each child
        below it, with ``address``, ``will`` (``added``, ``removed``, ``restarted``, ``changed`` or
        empty), the ``keys`` that differ, ``because`` (those that need the restart) and ``drift``
        (its state, if it does not run although the file has it run)."""
        rows: list[Facts] = await self._call("plan", project=project, tree=tree)
        return rows

    async def projects(self) -> list[Facts]:
        """Return ``name``, ``source``, a file or nothing, its ``profile``, and ``watch_config`` of
        each project: who wants its file to be followed, ``option``, ``file``, or nobody."""
        found: list[Facts] = await self._call("projects")
        return found

    async def scale(
        self,
        name: str,
        instances: int,
        *,
        relative: bool = False,
        timeout: float | None = None,
        wait: bool = True,
    ) -> list[Facts]:
        """Have so many instances of an app, or so many more; return outcomes as :meth:`update`."""
        told = {"name": name, "instances": instances, "relative": relative}
        outcomes: list[Facts] = await self._call("scale", **told, **_patience(timeout, wait))
        return outcomes

    async def start(
        self, *names: str, timeout: float | None = None, wait: bool = True
    ) -> list[Facts]:
        """Start what does not run, and return when it does; has an outcome also for each below a
        supervisor that has not come up."""
        outcomes: list[Facts] = await self._call(
            "start", names=[*names], **_patience(timeout, wait)
        )
        return outcomes

    async def stop(
        self,
        *names: str,
        graceful: bool = True,
        timeout: float | None = None,
        wait: bool = True,
    ) -> list[Facts]:
        """Stop in order, and return when nothing is left. It stays stopped until it
        is started; what is restarted ``always`` until the daemon is.

        Args:
            graceful: if not, kill at once, also what is being stopped in order.
        """
        outcomes: list[Facts] = await self._call(
            "stop", names=[*names], force=not graceful, **_patience(timeout, wait)
        )
        return outcomes

    async def restart(
        self,
        *names: str,
        rolling: bool = False,
        timeout: float | None = None,
        wait: bool = True,
    ) -> list[Facts]:
        """Stop and start: all at once, or one by one. Outcomes as of :meth:`start`."""
        outcomes: list[Facts] = await self._call(
            "restart", names=[*names], rolling=rolling, **_patience(timeout, wait)
        )
        return outcomes

    async def delete(
        self, *names: str, timeout: float | None = None, wait: bool = True
    ) -> list[Facts]:
        """Stop projects, and forget them."""
        outcomes: list[Facts] = await self._call(
            "delete", names=[*names], **_patience(timeout, wait)
        )
        return outcomes

    async def signal(self, *names: str, number: int) -> list[Facts]:
        """Send a signal to process groups."""
        outcomes: list[Facts] = await self._call("signal", names=[*names], number=number)
        return outcomes

    async def pause(self, *names: str) -> list[Facts]:
        """Have programs stand still."""
        outcomes: list[Facts] = await self._call("pause", names=[*names])
        return outcomes

    async def resume(self, *names: str) -> list[Facts]:
        """Let programs that are paused go on."""
        outcomes: list[Facts] = await self._call("resume", names=[*names])
        return outcomes

    async def save(self) -> Facts:
        """Save what should run, as every change does; return its ``path`` and what that holds."""
        answer: Facts = await self._call("save")
        return answer

    async def resurrect(self) -> list[Facts]:
        """Start what should run and does not."""
        outcomes: list[Facts] = await self._call("resurrect")
        return outcomes

    async def call(self, name: str, method: str, *args: Any, timeout: float = 30.0) -> Any:
        """Call a method of an actor; return its result as JSON can hold it."""
        asked = {"name": name, "method": method, "args": [*args], "timeout": timeout}
        return await self._asks.call("call", asked, None)

    async def reset(self, *names: str) -> list[Facts]:
        """Count automatic restarts from 0 again, for limits and back-offs too."""
        outcomes: list[Facts] = await self._call("reset", names=[*names])
        return outcomes

    async def status(self, *names: str, usage: bool = False) -> list[Facts]:
        """Return a row for every child that is meant and all below it; of all if none is named.

        Args:
            usage: also tell what is used, which takes 0.1 s: ``cpu``, ``memory``, ``processes``.
        """
        rows: list[Facts] = await self._call("status", names=[*names], usage=usage)
        return rows

    async def env(self, name: str, *, show: bool = False) -> Facts:
        """Return the exact environment of a program, the ``file`` of a secret; ``show`` what looks
        like secrets, too."""
        env: Facts = await self._call("env", name=name, show=show)
        return env

    async def inspect(self, *names: str) -> list[Facts]:
        """Return the system's facts about programs and their processes, of all if none is named."""
        rows: list[Facts] = await self._call("inspect", names=[*names])
        return rows

    async def health(self, *names: str) -> list[Facts]:
        """Return what programs are asked, and have answered; of all if none is named."""
        rows: list[Facts] = await self._call("health", names=[*names])
        return rows

    async def describe(self, name: str) -> Facts:
        """Return all that is known of one child."""
        answer: Facts = await self._call("describe", name=name)
        return answer

    async def wait(self, *names: str, wanted: str, timeout: float | None = None) -> Facts:
        """Return when all that is meant is ``ready``, ``running`` or ``stopped``, or when the
        present life of the one that is meant is over (``exit``).

        ``held`` tells whether that came in time, ``status`` how it ended, ``missing`` what is
        otherwise: state by address.
        """
        answer: Facts = await self._call("wait", names=[*names], wanted=wanted, **_within(timeout))
        return answer

    def events(self, *names: str, follow: bool = False, since: int | None = None) -> Items:
        """Return the latest events, the oldest first; with ``follow``, what happens after, too.

        Args:
            since: the number (``seq``) of the last event that was read; those after it follow.
                Where some are not to be had any more, ``events_missed`` is in their place; its
                ``count`` is 0 if the daemon is another by now.
        """
        told = {"names": [*names], "follow": follow, "since": since}
        return self._asks.stream("events", told)

    async def why(self, *names: str, since: float | None = None, most: int = 100) -> list[Facts]:
        """Return the story of each child that is meant, be it that it is not there any more, or of
        all if none is named.

        A story has ``address``, ``row`` (as of :meth:`status`, if it is there), ``unwell`` (rows of
        those below it), ``events`` (about it, and their causes), ``is_cut`` and ``damaged``.

        Args:
            since: seconds; events from then on only, and their causes.
            most: events of each, the latest; causes come on top.
        """
        told = {"names": [*names], "most": most} | ({} if since is None else {"since": since})
        stories: list[Facts] = await self._call("why", **told)
        return stories

    async def outputs(self, *names: str) -> list[Facts]:
        """Return where outputs go, all if none is named: ``address``, ``stream``, ``to`` (``file``,
        or where else), ``path`` (empty if in no file), ``mode``, ``is_shared``, ``tags``."""
        found: list[Facts] = await self._call("outputs", names=[*names])
        return found

    async def rotate_logs(self, *names: str) -> list[str]:
        """Rotate log files, each at the end of a line; all if none is named. Return their paths."""
        paths: list[str] = await self._call("rotate_logs", names=[*names])
        return paths

    async def flush_logs(self, *names: str) -> list[Facts]:
        """Empty log files: delete those that were rotated, and cut the present ones. Return for
        each ``path``, ``files`` (how many that was) and ``size`` (bytes)."""
        flushed: list[Facts] = await self._call("flush_logs", names=[*names])
        return flushed

    def lines(self, *names: str, streams: Sequence[str] = ("stdout", "stderr")) -> Items:
        """Return lines of output as they come; the first item says that they come from now on."""
        return self._asks.stream("lines", {"names": [*names], "streams": [*streams]})

    async def upgrade(self, *, python: str, package: str, within: float = 10.0) -> Facts:
        """Have the daemon followed by one of other code, reaper included, and return what that
        tells of itself, as :meth:`about`. All that runs goes on.

        Args:
            python: the interpreter.
            package: directory of the code, which is copied.
            within: seconds in which the new daemon must serve; else one of the present code is
                started again.

        Raises:
            UpgradeFailed: the new code cannot be loaded, or has not served.
        """
        try:
            await self._call("upgrade", python=python, package=package, within=within)
        except ConnectionLost:
            about = await self.about()  # of the next daemon, whichever that is
            if (upgrade := about["upgrade"]) is None:
                raise
            if upgrade["failed"] is not None:
                said = (about["before"] or {}).get("crash") or ""
                raise UpgradeFailed(upgrade["to"], upgrade["failed"], said) from None
            return about
        raise ProtocolError("an answer to upgrade", "the end of the daemon")

    async def shutdown(
        self, *, graceful: bool = True, timeout: float | None = None, wait: bool = True
    ) -> None:
        """Stop everything in order, or kill it at once, and end the daemon."""
        await self._call("shutdown", force=not graceful, **_patience(timeout, wait))


def _project(
    name: str,
    tree: Facts,
    source: str,
    profile: str,
    plugins: Mapping[str, Sequence[str]] | None,
    followed: Facts | None,
) -> Facts:
    told: Facts = {"project": name, "tree": tree, "source": source, "profile": profile}
    if plugins:
        told["plugins"] = plugins
    return told if followed is None else {**told, "followed": followed}


def _within(timeout: float | None) -> Facts:
    return {} if timeout is None else {"timeout": timeout}


def _patience(timeout: float | None, wait: bool) -> Facts:
    return _within(timeout) if wait else {"wait": False, **_within(timeout)}
