"""CPU time of a program and its children, as the kernel's scheduler counted it."""

from __future__ import annotations

from pathlib import Path

_PROC = Path("/proc")


def session(leader: int) -> list[int]:
    """Return the live processes of the session that `leader` leads: the program and all its children."""
    return [pid for pid in _pids(_PROC) if _session_of(pid) == leader]


def used(leader: int) -> int:
    """
    Return the CPU time of a session's processes so far, in ns, user and system together.

    From /proc/PID/task/TID/schedstat (proc_pid_schedstat: "time spent on the cpu (in nanoseconds)"), which
    counts every slice; utime and stime of /proc/PID/stat come in ticks of 10 ms.
    """
    return sum(_on_cpu(task) for pid in session(leader) for task in _tasks(pid))


def resident(leader: int) -> int:
    """Return the memory of a session's processes in octets, what they share counted once (Pss)."""
    return sum(_pss(pid) for pid in session(leader))


def model() -> str:
    """Return the name of the processor."""
    for line in (_PROC / "cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


def _pids(directory: Path) -> list[int]:
    return [int(entry.name) for entry in directory.iterdir() if entry.name.isdecimal()]


def _session_of(pid: int) -> int:
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return -1
    return int(text.rpartition(")")[2].split()[3])  # the name in brackets may hold spaces


def _tasks(pid: int) -> list[Path]:
    directory = _PROC / str(pid) / "task"
    return [directory / str(task) for task in _pids(directory)]


def _on_cpu(task: Path) -> int:
    return int((task / "schedstat").read_text(encoding="ascii").split()[0])


def _pss(pid: int) -> int:
    for line in (_PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
