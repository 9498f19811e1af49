"""The daemon at boot: what systemd, launchd or Windows' task scheduler need to know of it."""

from __future__ import annotations

import os
import plistlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

KINDS: Final = ("systemd", "launchd", "windows")


@dataclass(frozen=True)
class Account:
    """For whom the daemon is to run, and how it is started.

    Args:
        user: its name.
        home: the home directory.
        python: of the supctl that is to run.
        supctl_home: what ``SUPCTL_HOME`` is set to; empty if it is not.
        for_system: it runs from boot on, whether the user is logged in or not.
        name: of the service; several homes need several.
    """

    user: str
    home: Path
    python: str
    supctl_home: str
    for_system: bool
    name: str

    @property
    def command(self) -> tuple[str, ...]:
        """What runs the daemon."""
        return self.python, "-m", "supctl", "daemon", "run"


@dataclass(frozen=True)
class BootFile:
    """A file that has the daemon started, and what to do with it.

    Args:
        path: where it belongs.
        content: what it holds.
        use, drop: commands that have it used, and used no more.
    """

    path: Path
    content: bytes
    use: tuple[str, ...]
    drop: tuple[str, ...]


def boot_file(kind: str, account: Account) -> BootFile:
    """Return the file for one of :data:`KINDS`."""
    return {"systemd": _systemd, "launchd": _launchd, "windows": _windows}[kind](account)


_UNIT: Final = """\
# Written by "supctl startup"; "supctl unstartup" removes it.
[Unit]
Description=supctl, which keeps programs of {user} alive
After=network.target

[Service]
Type=notify
# The daemon says that it is ready; its parent, the reaper, is the main process.
NotifyAccess=all
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
{settings}Restart=on-failure
# 2: something has to be mended first, and another daemon may run already.
RestartPreventExitStatus=2
# The daemon stops its programs in order; what is left then is killed.
KillMode=mixed
TimeoutStopSec=5min
# For limits of memory, processors and tasks.
Delegate=yes
TasksMax=infinity
LimitNOFILE=1048576

[Install]
WantedBy={target}
"""


def _systemd(account: Account) -> BootFile:
    settings = []
    if account.for_system:
        settings.append(f"User={account.user}")
    if account.supctl_home:
        settings.append(f"Environment={_quoted(f'SUPCTL_HOME={account.supctl_home}')}")
    content = _UNIT.format(
        user=account.user,
        command=" ".join(_quoted(word).replace("$", "$$") for word in account.command),
        settings="".join(f"{line}\n" for line in settings),
        target="multi-user.target" if account.for_system else "default.target",
    )
    unit = f"{account.name}.service"
    if account.for_system:
        directory, control = Path("/etc/systemd/system"), "systemctl"
        linger: tuple[str, ...] = ()
    else:
        config = os.environ.get("XDG_CONFIG_HOME") or account.home / ".config"
        directory, control = Path(config) / "systemd" / "user", "systemctl --user"
        linger = (f"loginctl enable-linger {account.user}",)
    return BootFile(
        directory / unit,
        content.encode(),
        (f"{control} daemon-reload", f"{control} enable --now {unit}", *linger),
        (f"{control} disable --now {unit}", f"{control} daemon-reload"),
    )


def _quoted(word: str) -> str:
    """Return a word as systemd.syntax(7) has it, with nothing expanded in it."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _launchd(account: Account) -> BootFile:
    label = f"org.supctl.{account.name}"
    told: dict[str, object] = {
        "Label": label,
        "ProgramArguments": list(account.command),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ExitTimeOut": 300,
        "AbandonProcessGroup": False,
    }
    if account.supctl_home:
        told["EnvironmentVariables"] = {"SUPCTL_HOME": account.supctl_home}
    if account.for_system:
        told["UserName"] = account.user
        directory, domain = Path("/Library/LaunchDaemons"), "system"
    else:
        directory, domain = account.home / "Library" / "LaunchAgents", "gui/$(id -u)"
    path = directory / f"{label}.plist"
    return BootFile(
        path,
        plistlib.dumps(told),
        (f"launchctl bootstrap {domain} '{path}'",),
        (f"launchctl bootout {domain}/{label}",),
    )


_TASK: Final = """\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>supctl, which keeps programs alive</Description></RegistrationInfo>
  <Triggers><{trigger}><Enabled>true</Enabled></{trigger}></Triggers>
  <Principals>
    <Principal id="owner">
      <UserId>{user}</UserId>
      <LogonType>{logon}</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>3</Count></RestartOnFailure>
  </Settings>
  <Actions Context="owner">
    <Exec><Command>{program}</Command><Arguments>{arguments}</Arguments></Exec>
  </Actions>
</Task>
"""


def _windows(account: Account) -> BootFile:
    program, *arguments = account.command
    if account.supctl_home:  # a task has no environment of its own
        line = " ".join([f'"{program}"', *arguments])
        arguments = ["/c", f'set "SUPCTL_HOME={account.supctl_home}" && {line}']
        program = "cmd.exe"
    content = _TASK.format(
        trigger="BootTrigger" if account.for_system else "LogonTrigger",
        user=escape(account.user),
        logon="S4U" if account.for_system else "InteractiveToken",
        program=escape(program),
        arguments=escape(" ".join(arguments)),
    )
    path = account.home / f"{account.name}-task.xml"
    return BootFile(
        path,
        content.encode("utf-16"),
        (f'schtasks /Create /TN {account.name} /XML "{path}"', f"schtasks /Run /TN {account.name}"),
        (f"schtasks /End /TN {account.name}", f"schtasks /Delete /F /TN {account.name}"),
    )
