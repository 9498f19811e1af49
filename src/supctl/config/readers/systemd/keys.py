"""The directives of services, and what becomes of each."""

from __future__ import annotations

from typing import Final

from supctl.config.texts import Fates

_TEXT: Final = "it is for people; supctl keeps no descriptions"
_OTHERS: Final = "this file is read alone; say depends_on between apps of one supctl.toml"
_CONDITION: Final = "supctl starts what the file says, under any condition"
_COMMAND: Final = "nothing is run before, after or beside the program here"
_SANDBOX: Final = "supctl shuts programs in by no namespaces, filters or capabilities"
_SHARES: Final = "supctl limits memory, processors and processes, and weighs nothing"
_SOCKETS: Final = "supctl opens no sockets and keeps no descriptors for programs"
_SCHEDULING: Final = "supctl sets the niceness, and no other kind of scheduling"
_DIRECTORIES: Final = "supctl makes no directories for programs; make it once by hand"
_JOURNAL: Final = "it is for the journal; supctl logs tells apps by their names"
_TERMINAL: Final = "programs here have no terminal and read nothing"
_PAM: Final = "supctl opens no session for programs, and reads no credentials"

_LEFT_OUT: Final = {
    _TEXT: "Description Documentation SourcePath",
    _OTHERS: "After Before Wants Requires Requisite BindsTo PartOf Upholds Conflicts OnFailure "
    "OnSuccess PropagatesReloadTo ReloadPropagatedFrom PropagatesStopTo StopPropagatedFrom "
    "JoinsNamespaceOf RequiresMountsFor WantsMountsFor OnFailureJobMode OnSuccessJobMode "
    "IgnoreOnIsolate StopWhenUnneeded RefuseManualStart RefuseManualStop AllowIsolate "
    "DefaultDependencies SurviveFinalKillSignal CollectMode FailureAction SuccessAction "
    "FailureActionExitStatus SuccessActionExitStatus JobTimeoutSec JobRunningTimeoutSec "
    "JobTimeoutAction JobTimeoutRebootArgument StartLimitAction RebootArgument DebugInvocation "
    "BusName Slice",
    "what the file says is started with it": "WantedBy RequiredBy UpheldBy Also Alias "
    "DefaultInstance",
    _CONDITION: "ConditionPathExists ConditionPathExistsGlob ConditionPathIsDirectory "
    "ConditionPathIsSymbolicLink ConditionPathIsMountPoint ConditionPathIsReadWrite "
    "ConditionDirectoryNotEmpty ConditionFileNotEmpty ConditionFileIsExecutable ConditionUser "
    "ConditionGroup ConditionHost ConditionKernelCommandLine ConditionKernelVersion "
    "ConditionVersion ConditionEnvironment ConditionSecurity ConditionCapability "
    "ConditionACPower ConditionFirstBoot ConditionNeedsUpdate ConditionVirtualization "
    "ConditionArchitecture ConditionMemory ConditionCPUs ConditionCPUFeature "
    "ConditionOSRelease ConditionPathIsEncrypted ConditionCredential "
    "ConditionControlGroupController AssertPathExists AssertPathExistsGlob "
    "AssertPathIsDirectory AssertFileIsExecutable AssertFileNotEmpty AssertUser AssertHost",
    _COMMAND: "ExecStartPre ExecStartPost ExecStop ExecStopPost ExecReload ExecCondition "
    "ExecReloadPost",
    _SANDBOX: "PrivateTmp PrivateDevices PrivateNetwork PrivateUsers PrivateIPC PrivateMounts "
    "PrivatePIDs PrivateBPF ProtectSystem ProtectHome ProtectKernelTunables "
    "ProtectKernelModules ProtectKernelLogs ProtectControlGroups ProtectClock ProtectHostname "
    "ProtectProc ProcSubset ReadWritePaths ReadOnlyPaths InaccessiblePaths ExecPaths "
    "NoExecPaths ReadWriteDirectories ReadOnlyDirectories InaccessibleDirectories "
    "TemporaryFileSystem BindPaths BindReadOnlyPaths BindLogSockets MountAPIVFS MountFlags "
    "RootDirectory RootImage RootHash RootVerity NoNewPrivileges CapabilityBoundingSet "
    "AmbientCapabilities SecureBits SystemCallFilter SystemCallErrorNumber "
    "SystemCallArchitectures SystemCallLog RestrictAddressFamilies RestrictNamespaces "
    "RestrictRealtime RestrictSUIDSGID RestrictFileSystems LockPersonality Personality "
    "MemoryDenyWriteExecute RemoveIPC DynamicUser SELinuxContext AppArmorProfile "
    "SmackProcessLabel KeyringMode NetworkNamespacePath IPCNamespacePath DevicePolicy "
    "DeviceAllow IPAddressAllow IPAddressDeny IPIngressFilterPath IPEgressFilterPath "
    "SocketBindAllow SocketBindDeny RestrictNetworkInterfaces BPFProgram NFTSet "
    "ExtensionImages ExtensionDirectories MountImages",
    _SHARES: "MemoryHigh MemoryLow MemoryMin MemorySwapMax MemoryZSwapMax CPUWeight CPUShares "
    "StartupCPUWeight StartupCPUShares CPUQuotaPeriodSec AllowedCPUs AllowedMemoryNodes IOWeight "
    "StartupIOWeight IODeviceWeight IOReadBandwidthMax IOWriteBandwidthMax IOReadIOPSMax "
    "IOWriteIOPSMax BlockIOWeight Delegate DelegateSubgroup CPUAccounting MemoryAccounting "
    "TasksAccounting IOAccounting BlockIOAccounting IPAccounting DisableControllers "
    "ManagedOOMSwap ManagedOOMMemoryPressure ManagedOOMPreference OOMScoreAdjust OOMPolicy "
    "CoredumpFilter MemoryPressureWatch MemoryPressureThresholdSec MemoryKSM",
    _SOCKETS: "Sockets FileDescriptorStoreMax FileDescriptorStorePreserve OpenFile "
    "USBFunctionDescriptors USBFunctionStrings",
    _SCHEDULING: "CPUSchedulingPolicy CPUSchedulingPriority CPUSchedulingResetOnFork CPUAffinity "
    "NUMAPolicy NUMAMask IOSchedulingClass IOSchedulingPriority TimerSlackNSec",
    _DIRECTORIES: "RuntimeDirectory StateDirectory CacheDirectory LogsDirectory "
    "ConfigurationDirectory RuntimeDirectoryMode StateDirectoryMode CacheDirectoryMode "
    "LogsDirectoryMode ConfigurationDirectoryMode RuntimeDirectoryPreserve TimeoutCleanSec",
    _JOURNAL: "SyslogIdentifier SyslogFacility SyslogLevel SyslogLevelPrefix LogLevelMax "
    "LogExtraFields LogRateLimitIntervalSec LogRateLimitBurst LogFilterPatterns LogNamespace",
    _TERMINAL: "StandardInput StandardInputText StandardInputData TTYPath TTYReset TTYVHangup "
    "TTYVTDisallocate TTYRows TTYColumns UtmpIdentifier UtmpMode",
    _PAM: "PAMName SupplementaryGroups SetLoginEnvironment LoadCredential "
    "LoadCredentialEncrypted SetCredential SetCredentialEncrypted ImportCredential",
    "all processes of a program end with it here": "PIDFile GuessMainPID",
    "what does not end in time is always killed here, by SIGKILL": "SendSIGKILL FinalKillSignal "
    "WatchdogSignal RestartKillSignal SendSIGHUP TimeoutStopFailureMode TimeoutAbortSec",
    "a program runs as long as it likes here": "RuntimeMaxSec RuntimeRandomizedExtraSec",
    "nobody else may speak for the program: its descendants may": "NotifyAccess NotifyState",
    "what has ended counts as ended here": "RemainAfterExit",
    "a start always follows an end by the policy and the exit code": "RestartForceExitStatus "
    "RestartMode",
    "programs ignore SIGPIPE only if they say so": "IgnoreSIGPIPE",
    "a program has little more than env says, and nothing is taken out of that": "UnsetEnvironment",
    "supctl has nothing like it": "TimeoutStartFailureMode RootDirectoryStartOnly "
    "NonBlocking PermissionsStartOnly",
}  # fmt: skip
"""Reasons, and the directives that are left out for them."""

LOUD: Final = ("ExecStartPre", "ExecStartPost", "ExecStop", "ExecStopPost", "ExecReload")
"""Those that would have run something."""

SERVICE: Final = Fates(
    "systemd",
    mapped={
        "ExecStart": "command",
        "WorkingDirectory": "cwd",
        "Environment": "env",
        "EnvironmentFile": "env_file",
        "PassEnvironment": "inherit_env",
        "User": "user",
        "Group": "group",
        "UMask": "umask",
        "Nice": "nice",
        "Restart": "restart",
        "RestartSec": "backoff.initial",
        "RestartMaxDelaySec": "backoff.maximum",
        "RestartSteps": "backoff.factor",
        "RestartPreventExitStatus": "stop_exit_codes",
        "SuccessExitStatus": "stop_exit_codes",
        "KillSignal": "stop.signal",
        "TimeoutStopSec": "stop.grace",
        "TimeoutStartSec": "ready.timeout",
        "TimeoutSec": "stop.grace",
        "WatchdogSec": "health",
        "MemoryMax": "limits.memory",
        "MemoryLimit": "limits.memory",
        "CPUQuota": "limits.cpu",
        "TasksMax": "limits.pids",
        "StandardOutput": "log",
        "StandardError": "log",
        "Type": "ready",
        "KillMode": "stop",
        "ExitType": "detached",
    },
    changed=dict.fromkeys(
        ("StartLimitBurst", "StartLimitIntervalSec", "StartLimitInterval"),
        ("max_restarts", "restarts are counted here, not starts: one less for the first"),
    ),
    left_out={key: why for why, keys in _LEFT_OUT.items() for key in keys.split()},
)

RLIMITS: Final = {
    f"Limit{name}": name.lower()
    for name in (
        "CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NOFILE", "AS", "NPROC", "MEMLOCK",
        "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
    )
}  # fmt: skip
"""Directives of resource limits, and what we call these."""
