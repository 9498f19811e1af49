"""Events as sentences for people."""

from __future__ import annotations

import os

from supctl import events
from supctl.exits import ExitKind, ExitReason, signal_name

from .why import file_of, refused
from .words import counted, pid_list, seconds, size


def sentence(event: events.Event) -> str:
    """Return what happened, in one line that begins with who it happened to."""
    who = event.address.strip("/") or "tree"
    told = _of_a_life(who, event) or _of_a_supervisor(who, event) or _of_a_tree(who, event)
    return told or f"{who}: {event.kind}"


def _of_a_life(who: str, event: events.Event) -> str:
    """Tell how a child starts, is and ends; empty if it is not about that."""
    match event:
        case events.ChildStarted(pid=pid, restarts=restarts):
            told = f"{who} started" + (f", pid {pid}" if pid else "")
            return told + (f", restart {restarts}" if restarts else "")
        case events.ChildKept(pid=pid, age=age):
            return f"{who} goes on, pid {pid}, up for {seconds(age)}: only its daemon was lost"
        case events.ChildReady(after=after):
            return f"{who} is ready after {seconds(after)}"
        case events.HealthChanged(health=health, said=said):
            return f"{who} is {health}: {said}"
        case events.ChildStartFailed(reason=reason):
            return f"{who} did not start: {reason.detail or reason}"
        case events.ChildStopping(grace=0):
            return f"{who} is ended by force"
        case events.ChildStopping(grace=grace):
            return f"{who} is asked to stop, has {seconds(grace)}"
        case events.ChildKilled(grace=grace):
            return f"{who} did not stop within {seconds(grace)}: killed with all its children"
        case events.ChildDetached(pids=pids, kept=kept):
            fate = "they live on" if kept else "they are ended"
            return f"{who}: main process ended but left {pid_list(pids)}; {fate}"
        case events.ChildPaused():
            return f"{who} is paused"
        case events.ChildResumed():
            return f"{who} goes on"
        case events.ChildSignalled(number=number):
            return f"{who} is sent {signal_name(number)}"
        case events.SourcesChanged():
            return f"{who} is restarted: {changed(event)}"
        case events.SourcesUnwatched(problem=problem):
            return f"{who}: {unwatched(problem)}"
        case events.ChildExited(reason=reason, uptime=uptime):
            return f"{who} {past(reason)} after {seconds(uptime)}"
    return ""


def _of_a_supervisor(who: str, event: events.Event) -> str:
    """Tell what a supervisor decides; empty if it is not about that."""
    match event:
        case events.RestartScheduled(delay=delay, restarts=restarts, exhausted=exhausted):
            when = f"in {seconds(delay)}" if delay else "at once"
            known = "its limits are used up, it keeps trying" if exhausted else "in a row"
            return f"{who} is started again {when} (restart {restarts}{',' * exhausted} {known})"
        case events.RestartPaced(delay=delay):
            return f"{who} waits for its turn, {seconds(delay)} more: so many start again"
        case events.ChildFailed(restarts=restarts, reason=reason, within=within):
            times = counted(restarts, "restart") + (f" within {seconds(within)}" if within else "")
            return f"{who} failed for good: {past(reason)} after {times}"
        case events.SupervisorGaveUp(child=child, restarts=restarts, within=within, reason=reason):
            times = f"{counted(restarts, 'restart')} within {seconds(within)}"
            return f"{who} gives up: {child.strip('/')} {past(reason)} after {times}"
        case events.SupervisorAutoShutdown(child=child):
            return f"{who} ends, as {child.strip('/')} has"
        case events.SupervisorReport(context=context, child=child, reason=reason):
            return f"{who} reports {context} of {child.strip('/') or 'its children'}: {reason}"
    return ""


def _of_a_tree(who: str, event: events.Event) -> str:
    """Tell what a tree holds, and what it stands on; empty if it is not about that."""
    match event:
        case events.ChildIgnored():
            return f"{who} is not needed"
        case events.ChildAdded():
            return f"{who} is added"
        case events.ChildForgotten():
            return f"{who} is gone"
        case events.ChildHeld():
            return f"{who} waits for {_lacking(event)}"
        case events.CommandGiven(command=command, user=user, pid=pid):
            return f"{who}: {command}, by {user} (pid {pid})"
        case events.ConfigChanged(source=source):
            return f"{who}: {file_of(source)} has changed"
        case events.ConfigRefused(source=source, mistakes=mistakes):
            return f"{who}: {refused(source, mistakes)}"
        case events.DaemonStarted(pid=pid):
            return f"daemon {pid} has begun{lost_before(event)}"
        case events.DaemonStopped(pid=pid):
            return f"daemon {pid} ends"
        case events.LimitsNotEnforced(detail=detail):
            return f"{who}: {detail}"
        case events.OutputLost(errno=0, lost=lost):
            return f"{who}: output is stored again, {_lost(lost)}"
        case events.OutputLost(errno=errno, lost=lost):
            return f"{who}: output cannot be stored ({os.strerror(errno)}), {_lost(lost)}"
        case events.ReaperRestarted(detail=detail, pid=pid, kept=kept) if kept:
            goes_on = f"{counted(kept, 'app')} {'goes' if kept == 1 else 'go'} on"
            return f"the reaper was lost ({detail}); {goes_on} under a new one, pid {pid}"
        case events.ReaperRestarted(detail=detail, pid=pid):
            return (
                f"the reaper was lost ({detail}); its apps are ended and start again under a "
                f"new one, pid {pid}"
            )
        case events.TreeStarted():
            return "everything is started"
        case events.TreeStopped():
            return "everything is stopped"
        case events.EventsMissed(count=count):
            return f"{counted(count, 'event')} not shown"
    return ""


def changed(event: events.SourcesChanged) -> str:
    """Return which files have changed: ``src/app.py and 3 more changed``."""
    *firsts, last = event.paths
    if event.others:
        return f"{', '.join(event.paths)} and {event.others} more changed"
    return f"{', '.join(firsts)} and {last} changed" if firsts else f"{last} changed"


def unwatched(problem: str) -> str:
    """Return whether the files that a program is made of are watched."""
    return f"its files are not all watched: {problem}" if problem else "its files are watched again"


def past(reason: ExitReason) -> str:
    """Return how something ended, as the rest of a sentence."""
    match reason.kind:
        case ExitKind.SHUTDOWN:
            return f"ended ({reason.detail})" if reason.detail else "stopped"
        case ExitKind.FINISHED:
            return f"finished ({reason.detail})"
        case ExitKind.NORMAL | ExitKind.CRASHED if reason.status is not None:
            return reason.detail or str(reason.status)
        case ExitKind.NORMAL:
            return "finished"
        case ExitKind.CRASHED:
            return "crashed" + (f" ({reason.detail})" if reason.detail else "")
        case ExitKind.OUT_OF_MEMORY:
            return "ran out of memory and was killed by the kernel"
        case ExitKind.START_FAILED:
            return f"did not start ({reason.detail})"
        case ExitKind.UNHEALTHY:
            return f"was unhealthy ({reason.detail})"
        case ExitKind.KILLED:
            return "was killed" + (f" ({reason.detail})" if reason.detail else "")
        case ExitKind.ESCALATED:
            return f"ended with the whole tree ({reason.detail})"
        case ExitKind.LOST:
            return f"was lost ({reason.detail})"
    return f"ended ({reason})"


def lost_before(event: events.DaemonStarted) -> str:
    """Return what became of the daemon before, as the end of a sentence, if there is a tale."""
    if event.failed:
        return f"; the upgrade to supctl {event.upgrade} has failed: {event.failed}"
    if event.upgrade:
        return f"; it takes over from supctl {event.upgrade}, in an upgrade"
    if not event.lost:
        return ""
    return "; the one before it was lost" + (f" ({event.how})" if event.how else "")


def _lost(bytes_lost: int) -> str:
    return f"{size(bytes_lost)} of it are lost" if bytes_lost else "nothing is lost"


def _lacking(event: events.ChildHeld) -> str:
    """Return what keeps something from its start."""
    told = [it.strip("/") for it in event.needs]
    told += [f"the end of {it.strip('/')}" for it in event.awaits]
    told += [f"success of {it.strip('/')}, which has ended without it" for it in event.failed]
    return ", ".join(told)
