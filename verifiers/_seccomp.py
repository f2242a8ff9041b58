"""The system calls that untrusted code does not get: a seccomp filter, built without a library.

The standard library alone: the program of the workers loads this file by its path. A denied call
fails with EPERM, which Python raises as PermissionError. Denied are: starting processes and
programs (threads are not), sockets, signals to any process but itself (also by way of a descriptor
whose owner is another), tracing and other ways into another process, its priority and its place on
the processors, mounts and namespaces, memory and queues that outlive the process, files by handle,
kernel keys and the kernel's programmable parts; of ``fcntl`` and ``ioctl`` all but a few commands;
and calls that are newer than this list. What is left is bounded by resource limits and the file
system's view; where that is the host's own, calls that write to a file, lock it or change a folder
are denied too.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from functools import lru_cache

#: By machine: the number of the kernel's audit architecture, and system calls by name.
#: From the kernel's syscall tables (arch/x86/entry/syscalls, include/uapi/asm-generic/unistd.h).
_TABLES: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {
            "fork": 57, "vfork": 58, "execve": 59, "execveat": 322,
            "socket": 41, "socketpair": 53, "ptrace": 101,
            "process_vm_readv": 310, "process_vm_writev": 311, "process_madvise": 440,
            "pidfd_open": 434, "pidfd_send_signal": 424, "pidfd_getfd": 438,
            "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "tkill": 200,
            "unshare": 272, "setns": 308, "mount": 165, "umount2": 166, "pivot_root": 155,
            "chroot": 161, "fsopen": 430, "open_tree": 428, "move_mount": 429, "fsconfig": 431,
            "fsmount": 432, "fspick": 433, "mount_setattr": 442,
            "shmget": 29, "shmat": 30, "shmctl": 31, "semget": 64, "semop": 65, "semctl": 66,
            "semtimedop": 220, "msgget": 68, "msgsnd": 69, "msgrcv": 70, "msgctl": 71,
            "mq_open": 240, "mq_unlink": 241, "mq_timedsend": 242, "mq_timedreceive": 243,
            "mq_notify": 244, "mq_getsetattr": 245, "open_by_handle_at": 304, "syslog": 103,
            "sync": 162, "syncfs": 306, "quotactl": 179, "quotactl_fd": 443, "modify_ldt": 154,
            "migrate_pages": 256, "move_pages": 279, "kcmp": 312, "process_mrelease": 448,
            "setpriority": 141, "ioprio_set": 251, "sched_setparam": 142,
            "sched_setscheduler": 144, "sched_setaffinity": 203, "sched_setattr": 314,
            "prctl": 157, "fcntl": 72, "ioctl": 16, "io_uring_enter": 426,
            "io_uring_register": 427, "inotify_init": 253, "memfd_secret": 447,
            "memfd_create": 319, "add_key": 248, "request_key": 249, "keyctl": 250, "bpf": 321,
            "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425, "setsid": 112,
            "setpgid": 109, "inotify_init1": 294, "fanotify_init": 300, "clone": 56,
            "clone3": 435, "kill": 62, "tgkill": 234, "prlimit64": 302,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "execve": 221, "execveat": 281, "socket": 198, "socketpair": 199, "ptrace": 117,
            "process_vm_readv": 270, "process_vm_writev": 271, "process_madvise": 440,
            "pidfd_open": 434, "pidfd_send_signal": 424, "pidfd_getfd": 438,
            "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "tkill": 130,
            "unshare": 97, "setns": 268, "mount": 40, "umount2": 39, "pivot_root": 41,
            "chroot": 51, "fsopen": 430, "open_tree": 428, "move_mount": 429, "fsconfig": 431,
            "fsmount": 432, "fspick": 433, "mount_setattr": 442,
            "shmget": 194, "shmat": 196, "shmctl": 195, "semget": 190, "semop": 193,
            "semctl": 191, "semtimedop": 192, "msgget": 186, "msgsnd": 189, "msgrcv": 188,
            "msgctl": 187, "mq_open": 180, "mq_unlink": 181, "mq_timedsend": 182,
            "mq_timedreceive": 183, "mq_notify": 184, "mq_getsetattr": 185,
            "open_by_handle_at": 265, "syslog": 116, "sync": 81, "syncfs": 267, "quotactl": 60,
            "quotactl_fd": 443, "migrate_pages": 238, "move_pages": 239, "kcmp": 272,
            "process_mrelease": 448, "setpriority": 140, "ioprio_set": 30,
            "sched_setparam": 118, "sched_setscheduler": 119, "sched_setaffinity": 122,
            "sched_setattr": 274, "prctl": 167, "fcntl": 25, "ioctl": 29, "io_uring_enter": 426,
            "io_uring_register": 427, "memfd_secret": 447,
            "memfd_create": 279, "add_key": 217, "request_key": 218, "keyctl": 219, "bpf": 280,
            "perf_event_open": 241, "userfaultfd": 282, "io_uring_setup": 425, "setsid": 157,
            "setpgid": 154, "inotify_init1": 26, "fanotify_init": 262, "clone": 220,
            "clone3": 435, "kill": 129, "tgkill": 131, "prlimit64": 261,
        },
    ),
}  # fmt: skip

#: What changes files by their paths; opening to write is told by its flags.
_WRITES: dict[str, dict[str, int]] = {
    "x86_64": {
        "open": 2, "openat": 257, "openat2": 437, "creat": 85, "truncate": 76, "rename": 82,
        "mkdir": 83, "rmdir": 84, "link": 86, "unlink": 87, "symlink": 88, "chmod": 90,
        "fchmod": 91, "chown": 92, "fchown": 93, "lchown": 94, "utime": 132, "mknod": 133,
        "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190, "removexattr": 197,
        "lremovexattr": 198, "fremovexattr": 199, "utimes": 235, "mkdirat": 258, "mknodat": 259,
        "fchownat": 260, "futimesat": 261, "unlinkat": 263, "renameat": 264, "linkat": 265,
        "symlinkat": 266, "fchmodat": 268, "utimensat": 280, "renameat2": 316, "fchmodat2": 452,
        "flock": 73,
    },
    "aarch64": {
        "openat": 56, "openat2": 437, "truncate": 45, "mknodat": 33, "mkdirat": 34, "unlinkat": 35,
        "symlinkat": 36, "linkat": 37, "renameat": 38, "renameat2": 276, "fchmod": 52,
        "fchmodat": 53, "fchownat": 54, "fchown": 55, "utimensat": 88, "setxattr": 5,
        "lsetxattr": 6, "fsetxattr": 7, "removexattr": 14, "lremovexattr": 15,
        "fremovexattr": 16, "fchmodat2": 452, "flock": 32,
    },
}  # fmt: skip

#: The last system call that was looked at for these lists (mseal, Linux 6.10): calls of larger
#: numbers, which all machines share, are said not to exist. Some of them write to files by path.
_LAST_KNOWN = 462

#: By call: arguments that must be these, by position. They are about the caller itself, as process
#: 0; by its number it may not ask for itself either.
_OWN_ONLY: dict[str, tuple[tuple[int, int], ...]] = {
    "setpriority": ((0, 0), (1, 0)),  # PRIO_PROCESS
    "ioprio_set": ((0, 1), (1, 0)),  # IOPRIO_WHO_PROCESS
    "sched_setparam": ((0, 0),),
    "sched_setscheduler": ((0, 0),),
    "sched_setaffinity": ((0, 0),),
    "sched_setattr": ((0, 0),),
}

#: Commands of fcntl: F_DUPFD, F_GETFD, F_SETFD, F_GETFL, locks of records (of the process and of
#: the open file), F_DUPFD_CLOEXEC, F_GETPIPE_SZ. Not those by which a signal, a lease or a notice
#: is asked for. F_SETFL without O_ASYNC.
_FCNTL = (0, 1, 2, 3, 5, 6, 7, 36, 37, 38, 1030, 1032)
_F_SETFL, _O_ASYNC = 4, 0o20000

#: Commands of ioctl: TCGETS and TCGETS2 (is it a terminal), TIOCGWINSZ, FIONREAD, FIONBIO,
#: FIONCLEX, FIOCLEX. Others set a file's attributes, or a terminal's.
_IOCTL = (0x5401, 0x802C542A, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)

#: An option of prctl that reaches other processes: their place beside others on a core.
_PR_SCHED_CORE = 62

#: Of the flags of open: to write, to create, to truncate, and an unnamed file.
_O_WRITING = 0o1 | 0o2 | 0o100 | 0o1000 | 0o20000000

_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_CLONE_THREAD = 0x00010000
#: Calls whose flags a filter cannot see are said not to exist: there is an older call for each.
_UNSEEN = ("clone3", "openat2")
#: x86's third calling convention has numbers of its own, from here.
_X32 = 0x40000000
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2

# Classic BPF: load a word, compare and jump, return.
_LOAD, _EQUAL, _AT_LEAST, _HAS_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENT = 0, 4, 16
_ARGUMENT_BYTES = 8
#: What the process that starts children, or sets one up, needs itself.
_CHILD_ONLY = frozenset(
    ["fork", "vfork", "clone", "clone3", "kill", "tgkill", "setsid", "setpgid", "prlimit64",
     "memfd_create"]
)  # fmt: skip
_INSTRUCTION = struct.Struct("=HBBI")
_WORD = struct.Struct("=I")
#: Stands for the process in a filter. No process has it (they end at 2**22), nor has anything else.
_ANY_PID = 0x7ABCDEF1

_libc = ctypes.CDLL(None, use_errno=True)


def warm_program(*, writes: bool) -> bytes | None:
    """The filter for a process that starts children, which all inherit it: all that neither it nor
    a child needs. Writing to files is left if ``writes``. None on a machine that the tables do not
    know. The kernel takes its time over a filter; a short one is left for each child."""
    return _program(False, writes)


def child_program(pid: int) -> bytes | None:
    """The filter for the child ``pid``: the rest."""
    made = _program(True, True)
    return made and made.replace(_WORD.pack(_ANY_PID), _WORD.pack(pid))


@lru_cache(maxsize=4)
def _program(of_child: bool, writes: bool) -> bytes | None:
    table = _TABLES.get(platform.machine())
    if table is None or struct.calcsize("P") != 8:
        return None
    architecture, numbers = table
    code = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL)]
    code.append((_LOAD, 0, 0, _NUMBER))
    if platform.machine() == "x86_64":
        code += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _ERRNO | _EPERM)]
    if not of_child:
        code += [(_AT_LEAST, 0, 1, _LAST_KNOWN + 1), (_RETURN, 0, 0, _ERRNO | _ENOSYS)]
    if not writes:
        numbers = numbers | _WRITES[platform.machine()]
    for name, number in numbers.items():
        if (name in _CHILD_ONLY) != of_child:
            continue
        code += _rule(name, number, _ANY_PID)
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(_INSTRUCTION.pack(*step) for step in code)


def _rule(name: str, number: int, pid: int) -> list[tuple[int, int, int, int]]:
    denied = (_RETURN, 0, 0, _ERRNO | (_ENOSYS if name in _UNSEEN else _EPERM))
    allowed = (_RETURN, 0, 0, _ALLOW)
    if name == "clone":  # a thread, else denied; clone3, whose flags are out of sight, is not there
        test = [_load(0), (_HAS_BITS, 0, 1, _CLONE_THREAD), allowed, denied]
    elif name in ("open", "openat"):
        flags = 1 if name == "open" else 2
        test = [_load(flags), (_HAS_BITS, 1, 0, _O_WRITING), allowed, denied]
    elif name in ("kill", "tgkill"):
        test = [_load(0), (_EQUAL, 0, 1, pid), allowed, denied]
    elif name == "prlimit64":  # of itself, which is what setrlimit is made of
        test = [_load(0), (_EQUAL, 1, 0, 0), (_EQUAL, 0, 1, pid), allowed, denied]
    elif name in _OWN_ONLY:
        test = []
        for index, value in _OWN_ONLY[name]:
            rest = 2 * (len(_OWN_ONLY[name]) - len(test) // 2 - 1) + 1
            test += [_load(index), (_EQUAL, 0, rest, value)]
        test += [allowed, denied]
    elif name == "fcntl":
        left = len(_FCNTL) + 3  # steps to the last, at each of these commands
        test = [_load(1), *((_EQUAL, left - i, 0, command) for i, command in enumerate(_FCNTL))]
        test += [(_EQUAL, 0, 2, _F_SETFL), _load(2), (_HAS_BITS, 0, 1, _O_ASYNC), denied, allowed]
    elif name == "ioctl":
        left = len(_IOCTL)
        test = [_load(1), *((_EQUAL, left - i, 0, command) for i, command in enumerate(_IOCTL))]
        test += [denied, allowed]
    elif name == "prctl":
        test = [_load(0), (_EQUAL, 0, 1, _PR_SCHED_CORE), denied, allowed]
    else:
        test = [denied]
    return [(_EQUAL, 0, len(test), number), *test]


def _load(argument: int) -> tuple[int, int, int, int]:
    # The lower half of it: what the calls that are looked into take is 32 bits wide.
    return (_LOAD, 0, 0, _ARGUMENT + _ARGUMENT_BYTES * argument)


def apply(filter_bytes: bytes) -> bool:
    """Put the filter on this process and all it starts, for good. Needs no-new-privileges."""
    address = ctypes.cast(ctypes.c_char_p(filter_bytes), ctypes.c_void_p).value
    count = len(filter_bytes) // _INSTRUCTION.size
    header = struct.pack("HxxxxxxP", count, address)
    return bool(_libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, header, 0, 0) == 0)


def available() -> bool:
    """Whether this process could apply both filters, tried in a child."""
    pid = os.fork()
    if pid == 0:
        both = [warm_program(writes=False), child_program(os.getpid())]
        os._exit(0 if all(own is not None and apply(own) for own in both) else 1)
    return os.waitpid(pid, 0)[1] == 0
