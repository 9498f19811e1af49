"""The keys of supervisord's sections, and what becomes of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from supctl.config.texts import Fates

_NO_EVENTS: Final = "what is logged is no event here; supctl logs --follow shows it"
_ONE_ROTATION: Final = "one setting is for both streams here: that of stdout"
_OWN_DAEMON: Final = "supctl's own daemon needs none of it"

PROGRAM: Final = Fates(
    "supervisord",
    mapped={
        "command": "command",
        "directory": "cwd",
        "environment": "env",
        "autostart": "autostart",
        "autorestart": "restart",
        "exitcodes": "stop_exit_codes",
        "stopsignal": "stop.signal",
        "stopwaitsecs": "stop.grace",
        "umask": "umask",
        "redirect_stderr": "log.together",
        "stdout_logfile": "log.file",
        "stdout_logfile_maxbytes": "log.max_size",
        "stdout_logfile_backups": "log.keep",
        "stdout_syslog": "log.to",
        "stderr_logfile": "log.error_file",
    },
    changed={
        "startsecs": (
            "min_uptime",
            "a program that ends sooner has failed, as there; until then it counts as running",
        ),
        "startretries": (
            "give_up_after",
            "the pauses in between are 1, 2, 4 seconds and so on, up to that number or 30",
        ),
        "user": ("user", "HOME, USER, LOGNAME and SHELL become that user's, too"),
    },
    left_out={
        "killasgroup": "it is always so here: nothing that a program has started outlives it",
        "stdout_capture_maxbytes": _NO_EVENTS,
        "stderr_capture_maxbytes": _NO_EVENTS,
        "stdout_events_enabled": _NO_EVENTS,
        "stderr_events_enabled": _NO_EVENTS,
        "stderr_logfile_maxbytes": _ONE_ROTATION,
        "stderr_logfile_backups": _ONE_ROTATION,
        "stderr_syslog": _ONE_ROTATION,
        "serverurl": "there is no XML-RPC here; programs may call supctl",
    },
)
"""Of ``[program:NAME]``; the others hang together (:mod:`.programs`)."""


GROUP_KEYS: Final = Fates("supervisord", mapped={"programs": "apps"})
"""Of ``[group:NAME]``."""

DAEMON: Final = Fates(
    "supervisord",
    changed={
        "environment": ("env", "every program is told it by itself"),
        "umask": ("umask", "every program that has none is told it by itself"),
        "directory": ("cwd", "every program that has none is told it by itself"),
    },
    left_out={
        "user": "start supctl as that user, or give every program a user of its own",
        "nodaemon": "supctl up stays in the foreground, supctl start does not",
        "silent": "supctl --quiet says less",
        "minfds": "programs have the limits that supctl is started with, or rlimits of their own",
        "minprocs": "programs have the limits that supctl is started with, or rlimits of their own",
        "childlogdir": "logs that are not named lie in supctl's own directory",
        "strip_ansi": "logs hold what programs print; supctl logs makes it harmless for a terminal",
        **dict.fromkeys(
            ("logfile", "logfile_maxbytes", "logfile_backups", "loglevel", "pidfile"), _OWN_DAEMON
        ),
        **dict.fromkeys(("identifier", "nocleanup"), _OWN_DAEMON),
    },
)
"""Of ``[supervisord]``."""

SECTIONS: Final[Mapping[str, str]] = {
    "unix_http_server": "supctl's daemon has a socket of its own, for its user only",
    "inet_http_server": "supctl has no web server",
    "supervisorctl": "the command is supctl, and it finds its daemon by itself",
    "rpcinterface": "there is no XML-RPC here",
    "ctlplugin": "the commands of supervisorctl are no commands here",
    "eventlistener": "it speaks supervisord's event protocol; supctl events --json says the same",
    "fcgi-program": "nobody here opens its socket for it; let the program listen by itself",
}
"""Sections that are left out as a whole, and why."""

LOUD: Final = ("eventlistener", "fcgi-program")
"""Those of them that would have run something."""
