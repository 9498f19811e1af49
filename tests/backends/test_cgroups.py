"""Probing for cgroups v2 and writing limits, on directories that only look like cgroups.

That the kernel obeys is proven in a virtual machine, by ``tests/vm``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supctl.backends.base import Capabilities, ProcessSpec
from supctl.backends.cgroup_hierarchy import Hierarchy, Unusable, look, own_processes
from supctl.backends.cgroups import Subtree, cpu_max, set_limits
from supctl.backends.linux import LinuxBackend
from supctl.backends.reaper import cgroups as control

OURS = (41, 42)
ALL = frozenset({"memory", "cpu", "pids"})


def mount(point: Path, root: str = "/", options: str = "rw,nosuid") -> str:
    escaped = str(point).replace(" ", "\\040")
    return f"31 23 0:28 {root} {escaped} {options} shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"


def mount_v1(controllers: str) -> str:
    return f"35 31 0:32 / /sys/fs/cgroup/{controllers} rw - cgroup cgroup rw,{controllers}\n"


def make_cgroup(
    path: Path, controllers: str = "cpuset cpu io memory pids", members: str = "41\n42\n"
) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / "cgroup.controllers").write_text(controllers + "\n")
    (path / "cgroup.procs").write_text(members)
    (path / "cgroup.subtree_control").write_text("")
    (path / "cgroup.type").write_text("domain\n")
    return path


def looked(mounts: str, path: str = "/app.scope") -> Hierarchy:
    return look(mounts, f"4:memory:/elsewhere\n0::{path}\n", lambda: OURS)


def test_a_cgroup_of_our_own_is_usable(tmp_path: Path) -> None:
    base = make_cgroup(tmp_path / "app.scope")
    assert looked(mount(tmp_path)) == Hierarchy(str(base), ALL, "")


def test_a_mount_point_may_hold_blanks(tmp_path: Path) -> None:
    base = make_cgroup(tmp_path / "c group" / "app.scope")
    assert looked(mount(tmp_path / "c group")).base == str(base)


def test_a_mount_may_show_a_part_of_the_hierarchy_only(tmp_path: Path) -> None:
    base = make_cgroup(tmp_path / "inner")
    assert looked(mount(tmp_path, root="/docker/1"), "/docker/1/inner").base == str(base)


def test_of_two_mounts_the_writable_one_is_taken(tmp_path: Path) -> None:
    base = make_cgroup(tmp_path / "rw" / "app.scope")
    mounts = mount(tmp_path / "ro", options="ro") + mount(tmp_path / "rw")
    assert looked(mounts).base == str(base)


@pytest.mark.parametrize("path", ["/docker/2", "/docker/10", "/../elsewhere"])
def test_a_cgroup_outside_of_the_mount_is_not_ours_to_use(tmp_path: Path, path: str) -> None:
    make_cgroup(tmp_path)
    found = looked(mount(tmp_path, root="/docker/1"), path)
    assert found.base is None
    assert f"our cgroup {path} is outside" in found.reason


def test_a_hybrid_machine_has_its_controllers_in_v1(tmp_path: Path) -> None:
    make_cgroup(tmp_path / "app.scope", controllers="")
    found = looked(
        mount_v1("cpu,cpuacct") + mount_v1("memory") + mount_v1("pids") + mount(tmp_path)
    )
    reason = "this system mounts the memory, cpu and pids controllers in cgroup v1 only"
    assert found == Hierarchy(None, frozenset(), reason)


def test_without_v2_the_reason_is_v1() -> None:
    assert looked(mount_v1("memory")).reason == (
        "this system mounts the memory controller in cgroup v1 only"
    )


def test_without_any_mount_the_reason_says_so() -> None:
    assert looked("22 1 0:3 / / rw - ext4 /dev/sda rw\n").reason == "cgroup v2 is not mounted"


def test_a_read_only_mount_is_not_usable(tmp_path: Path) -> None:
    make_cgroup(tmp_path / "app.scope")
    found = looked(mount(tmp_path, options="ro,nosuid"))
    assert found == Hierarchy(None, frozenset(), "cgroup v2 is mounted read-only")


def test_a_missing_controller_leaves_the_others(tmp_path: Path) -> None:
    base = make_cgroup(tmp_path / "app.scope", controllers="memory pids")
    found = looked(mount(tmp_path))
    assert found.controllers == {"memory", "pids"}
    assert found.reason == f"{base} is not given the cpu controller"


def test_reasons_of_two_kinds_are_both_told(tmp_path: Path) -> None:
    base = make_cgroup(tmp_path / "app.scope", controllers="pids")
    assert looked(mount_v1("memory") + mount(tmp_path)).reason == (
        "this system mounts the memory controller in cgroup v1 only"
        f" and {base} is not given the cpu controller"
    )


@pytest.mark.parametrize("stranger", ["7", "0"])
def test_a_cgroup_with_strangers_is_not_usable(tmp_path: Path, stranger: str) -> None:
    base = make_cgroup(tmp_path / "app.scope", members=f"41\n{stranger}\n")
    found = looked(mount(tmp_path))
    assert found.base is None
    assert found.reason.startswith(f"other processes share our cgroup {base}")


def test_a_process_that_ends_while_we_look_is_no_stranger(tmp_path: Path) -> None:
    base = make_cgroup(tmp_path / "app.scope", members="41\n43\n")

    def ours() -> tuple[int, ...]:
        (base / "cgroup.procs").write_text("41\n")
        return OURS

    assert look(mount(tmp_path), "0::/app.scope\n", ours).base == str(base)


def test_strangers_in_the_root_do_not_matter(tmp_path: Path) -> None:
    make_cgroup(tmp_path, members="1\n2\n41\n")
    (tmp_path / "cgroup.type").unlink()  # only the root of all has none
    assert looked(mount(tmp_path), "/") == Hierarchy(str(tmp_path), ALL, "")


def test_a_threaded_cgroup_is_not_usable(tmp_path: Path) -> None:
    base = make_cgroup(tmp_path / "app.scope")
    (base / "cgroup.type").write_text("domain threaded\n")
    assert looked(mount(tmp_path)).reason == f"our cgroup {base} is threaded"


def test_a_cgroup_of_somebody_else_is_not_usable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = make_cgroup(tmp_path / "app.scope")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anything
    found = looked(mount(tmp_path))
    assert found.base is None
    assert found.reason.startswith(f"no permission to write {base}; run in a delegated cgroup")


def test_probing_changes_nothing(tmp_path: Path) -> None:
    make_cgroup(tmp_path / "app.scope")
    before = {path: path.is_file() and path.read_text() for path in tmp_path.rglob("*")}
    looked(mount(tmp_path))
    assert {path: path.is_file() and path.read_text() for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize(
    ("processors", "text"),
    [
        (0.2, "20000 100000"),
        (1, "100000 100000"),
        (2.5, "250000 100000"),
        (0.01, "1000 100000"),
        (0.009, "9000 1000000"),
        (0.001, "1000 1000000"),
    ],
)
def test_cpu_max_keeps_above_the_least_quota(processors: float, text: str) -> None:
    assert cpu_max(processors) == text


def test_limits_are_written_where_the_kernel_reads_them(tmp_path: Path) -> None:
    files = ("memory.max", "memory.swap.max", "memory.oom.group", "cpu.max", "pids.max")
    for name in files:
        (tmp_path / name).touch()
    spec = ProcessSpec(("true",), memory=64 << 20, cpu=0.5, pids=10)
    assert set_limits(str(tmp_path), spec, spec.limits()) == {}
    assert [(tmp_path / name).read_text() for name in files] == [
        str(64 << 20),
        "0",
        "1",
        "50000 100000",
        "10",
    ]


def test_a_limit_that_is_no_more_is_taken_back(tmp_path: Path) -> None:
    files = ("memory.max", "memory.swap.max", "cpu.max", "pids.max")
    for name in files:
        (tmp_path / name).touch()
    assert set_limits(str(tmp_path), ProcessSpec(("true",)), ("memory", "cpu", "pids")) == {}
    assert [(tmp_path / name).read_text() for name in files] == ["max"] * 4


def test_a_limit_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "memory.max").touch()  # neither swap accounting nor oom.group: no failure
    spec = ProcessSpec(("true",), memory=1, pids=10)
    failed = set_limits(str(tmp_path), spec, spec.limits())
    assert failed == {"pids": f"{tmp_path}/pids.max: No such file or directory"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["memory.max"]


def test_a_subtree_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    base = make_cgroup(tmp_path / "app.scope", members="1\n")  # somebody came after the probe
    with pytest.raises(Unusable, match="other processes share our cgroup"):
        Subtree.open(Capabilities("linux", cgroup=str(base), controllers=ALL))
    assert not [path for path in base.iterdir() if path.is_dir()]


def test_dissolving_what_is_not_there_is_harmless(tmp_path: Path) -> None:
    control.dissolve(f"{tmp_path}/supctl-1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/cgroup").exists(), reason="needs a Linux /proc")
async def test_a_capability_taken_away_is_said_for_each_limit() -> None:
    capabilities = Capabilities("linux", cgroup_reason="the test took it away")
    async with LinuxBackend(capabilities) as backend:
        spec = ProcessSpec(("true",), memory=64 << 20, cpu=0.5, pids=10, stdout=False, stderr=False)
        process = await backend.spawn(spec)
        assert process.unenforced == (
            "memory limit of 64 MiB is not enforced: the test took it away",
            "cpu limit of 0.5 processors is not enforced: the test took it away",
            "pids limit of 10 is not enforced: the test took it away",
        )
        unlimited = await backend.spawn(ProcessSpec(("true",), stdout=False, stderr=False))
        assert unlimited.unenforced == ()


def test_all_that_descends_from_the_head_is_ours() -> None:
    assert os.getpid() in own_processes()
    assert os.getppid() not in own_processes()
    assert own_processes(os.getppid()) >= {os.getppid(), os.getpid()}
