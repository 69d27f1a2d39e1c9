"""What a process gives up before it runs a student's code.

Grades are safe without this: they are made in another process, which never runs that code. The
sandbox keeps what is secret from being read (the solutions of variants, the course's folder, the
submissions of others) and the machine from being used up.

    limits of the system   memory, size of files, no core files (Unix)
    Landlock               only named files, no programs (Linux 5.13 and newer), no TCP (6.7)
    an audit hook          the same in Python, with sentences to read, on every system; code that
                           is bent on it can get round it, so grade in a container where there is
                           no Landlock
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

from tutorial_lib.classroom import landlock

PACKAGE = Path(__file__).resolve().parents[1]
SECRETS = (PACKAGE / "classroom" / "variants",)
SECRET_MODULES = ("tutorial_lib.classroom.variants",)
# Read by the dynamic linker, by torch (how many cores?) and by Python (time zones, random numbers).
OF_THE_SYSTEM = (
    *("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib"),
    *("/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo", "/dev/null", "/dev/zero"),
    *("/dev/urandom", "/dev/random", "/proc/self", "/proc/cpuinfo", "/proc/meminfo"),
    *("/proc/sys/vm", "/sys/devices/system", "/sys/fs/cgroup"),
)
FORBIDDEN_EVENTS = frozenset(
    (
        *("os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile"),
        *("os.system", "os.kill", "os.killpg", "signal.pthread_kill", "subprocess.Popen"),
        *("pty.spawn", "socket.__new__", "socket.connect", "socket.bind", "resource.setrlimit"),
        *("resource.prlimit", "ctypes.dlopen", "ctypes.dlsym", "ctypes.dlsym/handle"),
        *("os.chown", "os.setxattr", "winreg.OpenKey", "sys.remote_exec"),
    )
)
WRITING_EVENTS = frozenset(
    (
        *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod"),
        *("os.truncate", "os.utime", "shutil.rmtree", "shutil.move"),
    )
)
READING_EVENTS = frozenset(("os.listdir", "os.scandir", "os.chdir"))
WRITING_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Forbidden(PermissionError):
    """What a student's code must not do while it is graded."""


def limit_resources(memory_mib: int, file_mib: int) -> None:
    """At most so much memory more than now, so much in one file; no core file. Unix only."""
    try:
        import resource
    except ImportError:
        return
    most = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: file_mib << 20,
        resource.RLIMIT_DATA: _data_bytes() + (memory_mib << 20),
    }
    for kind, value in most.items():
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _data_bytes() -> int:
    """Memory that this process can write to already; 0 where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmData")), 0)


def libraries() -> list[Path]:
    """Where Python and its packages live."""
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    found = [Path(sysconfig.get_path(kind)) for kind in kinds]
    found += [Path(sys.base_prefix) / "lib", *(Path(each) for each in sys.path if each)]
    return list(dict.fromkeys(path.resolve() for path in found))


def readable_paths(secrets: tuple[Path, ...] = SECRETS) -> list[Path]:
    """Libraries, system files and the package, all without the secrets."""
    inside = [*_without(PACKAGE, secrets)]
    for folder in libraries():
        if any(folder in (secret, *secret.parents) for secret in secrets):
            inside += _without(folder, secrets, only=_is_installed)
        else:
            inside.append(folder)
    return [*inside, *map(Path, OF_THE_SYSTEM)]


def _is_installed(path: Path) -> bool:
    """A package, module or metadata of a folder on sys.path, not whatever else lies about there."""
    return (path / "__init__.py").exists() or path.suffix in (
        *(".py", ".so", ".pyd", ".pth", ".dist-info", ".egg-info", ".libs"),
    )


def _without(
    folder: Path, secrets: tuple[Path, ...], only: Callable[[Path], bool] = lambda path: True
) -> Iterator[Path]:
    """What the folder holds, secrets left out at any depth."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path in secrets or not only(path):
            continue
        if any(path in secret.parents for secret in secrets):
            yield from _without(path, secrets)
        else:
            yield path


def shut_files(scratch: Path) -> bool:
    """Landlock: True if this kernel has it. Before torch is imported, that is, before threads."""
    return landlock.restrict(
        readable=readable_paths(), listable=[PACKAGE.parent], writable=[scratch]
    )


def watch(scratch: Path) -> None:
    """Install the audit hook. It stays until the process ends."""
    allowed = tuple(str(path.resolve()) for path in readable_paths())
    listable = {str(parent) for path in map(Path, allowed) for parent in path.parents}
    own = str(scratch.resolve())
    fspath, real, within = os.fspath, os.path.realpath, _is_within

    def check(path: object, *, writes: bool, lists: bool = False) -> None:
        if path is None or isinstance(path, int):
            return
        place = os.fsdecode(real(fspath(path)))
        if within(place, (own,)) or (writes and place == os.devnull):
            return
        if writes or not (within(place, allowed) or (lists and place in listable)):
            raise Forbidden(f"{'writing' if writes else 'reading'} {place} is shut while graded")

    def hook(event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            check(path, writes=bool((flags or 0) & WRITING_FLAGS))
        elif event == "import" and arguments[0].startswith(SECRET_MODULES):
            raise Forbidden(f"{arguments[0]} is shut while graded")
        elif event == "sqlite3.connect" and arguments[0] != ":memory:":
            check(arguments[0], writes=True)
        elif event in FORBIDDEN_EVENTS:
            raise Forbidden(f"{event} is shut while graded")
        elif event in WRITING_EVENTS:
            for path in arguments[:2]:
                if isinstance(path, (str, bytes, os.PathLike)):
                    check(path, writes=True)
        elif event in READING_EVENTS:
            check(arguments[0] if arguments else None, writes=False, lists=True)

    sys.addaudithook(hook)


def _is_within(place: str, folders: tuple[str, ...]) -> bool:
    return any(place == folder or place.startswith(folder + os.sep) for folder in folders)
