"""Close the current process in, by means of the kernel. It cannot be undone from inside.

Afterwards the process can read Python's folders and the folders it was given, and write below its
own folder only. It can start no process, open no connection and signal nobody. This needs Linux
with Landlock and seccomp.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
import sysconfig
from pathlib import Path

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 38, 22
LANDLOCK = {"create": 444, "add": 445, "restrict": 446}
EXECUTE, WRITE, READ, LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_FILE = 1 << 4, 1 << 5, 1 << 7, 1 << 8
TRUNCATE = 1 << 14
LOOK = EXECUTE | READ | LIST
WORK = READ | LIST | WRITE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_FILE
RIGHTS_OF_ABI = {1: 13, 2: 14, 3: 15, 4: 15}
"""How many rights each version of Landlock knows. From version 5 on there is one for devices
too."""
SYSTEM = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache",
    "/etc/localtime", "/proc/cpuinfo", "/proc/meminfo", "/proc/self/maps", "/proc/self/status",
    "/sys/devices/system/cpu", "/dev/urandom",
)  # fmt: skip

MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
CLONE, CLONE3 = (56, 220), 435
NONE = -1
DENIED = {
    "socket": (41, 198), "socketpair": (53, 199), "io_uring_setup": (425, 425),
    "fork": (57, NONE), "vfork": (58, NONE), "execve": (59, 221), "execveat": (322, 281),
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "setpriority": (141, 140),
    "chmod": (90, NONE), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, NONE), "fchown": (93, 55), "lchown": (94, NONE), "fchownat": (260, 54),
    "utime": (132, NONE), "utimes": (235, NONE), "futimesat": (261, NONE),
    "utimensat": (280, 88), "truncate": (76, 45), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16), "mount": (165, 40), "unshare": (272, 97), "setns": (308, 268),
    "bpf": (321, 280), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "shmget": (29, 194), "shmat": (30, 196), "msgget": (68, 186), "semget": (64, 190),
    "mq_open": (240, 180), "userfaultfd": (323, 282), "perf_event_open": (298, 241),
}  # fmt: skip
"""The system calls that are refused, with their numbers on x86_64 and on aarch64."""


class SandboxUnavailable(OSError):
    """Report that this machine cannot close a process in; the text says what is missing."""


def close_in(folder: str, readable: tuple[str, ...] = ()) -> None:
    """Close this process in, with `folder` to work in.

    Raise SandboxUnavailable, before anything ran, when the kernel lacks one of the means.
    """
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        raise SandboxUnavailable(
            f"{sys.platform} on {platform.machine()} has no Landlock and seccomp"
        )
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    _drop_privileges(libc)
    _checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _restrict_files(libc, folder, readable)
    _restrict_calls(libc)


def _checked(result: int, what: str) -> int:
    if result < 0:
        raise SandboxUnavailable(f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def _drop_privileges(libc: ctypes.CDLL) -> None:
    """Give up all capabilities, so that root keeps no power over the files of others."""
    header = ctypes.create_string_buffer(struct.pack("=II", 0x20080522, 0))
    nothing = ctypes.create_string_buffer(24)
    number = (126, 91)[MACHINES[platform.machine()][0]]
    _checked(libc.syscall(number, header, nothing), "capset")


def _restrict_files(libc: ctypes.CDLL, folder: str, readable: tuple[str, ...]) -> None:
    """Allow reading the system, Python and `readable`, and working in `folder`."""
    version = libc.syscall(LANDLOCK["create"], None, 0, 1)
    _checked(version, "Landlock (Linux 5.13 or newer, and switched on)")
    known = (1 << RIGHTS_OF_ABI.get(version, 16)) - 1
    handled = ctypes.create_string_buffer(struct.pack("=Q", known))
    rules = _checked(libc.syscall(LANDLOCK["create"], handled, 8, 0), "Landlock")
    for path in {*SYSTEM, *_python(), *readable}:
        _allow(libc, rules, path, LOOK & known)
    _allow(libc, rules, "/dev/null", (READ | WRITE) & known)
    _allow(libc, rules, folder, (WORK | TRUNCATE) & known)
    _checked(libc.syscall(LANDLOCK["restrict"], rules, 0), "Landlock")
    os.close(rules)


def _python() -> set[str]:
    """Return the folders of this Python and its packages."""
    places = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
    return {place for place in places if place not in ("/", "/usr")} | {
        "/usr/local/lib" if place == "/usr" else place for place in places if place == "/usr"
    }


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    """Allow rights below a path; a path that does not exist needs no rule."""
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not Path(path).is_dir():
        rights &= EXECUTE | WRITE | READ | TRUNCATE
    rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, opened))
    _checked(libc.syscall(LANDLOCK["add"], rules, 1, rule, 0), f"Landlock for {path}")
    os.close(opened)


def _restrict_calls(libc: ctypes.CDLL) -> None:
    """Install a filter of system calls: denied calls answer EPERM. Threads can start, processes
    cannot."""
    place, machine = MACHINES[platform.machine()]
    allow, kill, refuse, absent = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
    load, equal, set_, least, give = 0x20, 0x15, 0x45, 0x35, 0x06
    code = [(load, 0, 0, 4), (equal, 1, 0, machine), (give, 0, 0, kill), (load, 0, 0, 0)]
    if place == 0:  # x32, the other calling convention of x86_64
        code += [(least, 0, 1, 0x40000000), (give, 0, 0, refuse)]
    for numbers in DENIED.values():
        if numbers[place] != NONE:
            code += [(equal, 0, 1, numbers[place]), (give, 0, 0, refuse)]
    code += [
        (equal, 0, 1, CLONE3),
        (give, 0, 0, absent),
    ]  # libc then takes clone, whose flags can be checked
    code += [(equal, 0, 3, CLONE[place]), (load, 0, 0, 16)]
    code += [(set_, 1, 0, 0x10000), (give, 0, 0, refuse), (give, 0, 0, allow)]
    text = b"".join(struct.pack("=HBBI", *line) for line in code)
    held = ctypes.create_string_buffer(text, len(text))
    program = struct.pack("@HP", len(code), ctypes.addressof(held))
    filter_ = ctypes.create_string_buffer(program, len(program))
    _checked(libc.prctl(PR_SET_SECCOMP, 2, filter_, 0, 0), "seccomp")
