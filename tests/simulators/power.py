"""A disk that loses power: every write, truncation, removal and sync of SQLite's files is journalled on its way.

A disk may also refuse: then every write and sync fails with the code that the test names.

What was synced lasts. Of what was not, a cut keeps some 512-byte sectors and drops or tears others, as cards do.
SQLite is reached through its own seam: a VFS that stands before the usual one and passes everything on.
"""

import ctypes
import random
import sqlite3  # noqa: F401 - loads the library that is looked for
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SECTOR = 512
_FN = ctypes.CFUNCTYPE
_INT, _PTR, _I64 = ctypes.c_int, ctypes.c_void_p, ctypes.c_int64


class _Vfs(ctypes.Structure):
    """sqlite3_vfs up to the members that are touched."""

    _fields_ = [
        ("iVersion", _INT),
        ("szOsFile", _INT),
        ("mxPathname", _INT),
        ("pNext", _PTR),
        ("zName", ctypes.c_char_p),
        ("pAppData", _PTR),
        ("xOpen", _PTR),
        ("xDelete", _PTR),
        ("rest", _PTR * 14),
    ]


class _Methods(ctypes.Structure):
    """sqlite3_io_methods, version 3."""

    _fields_ = [
        ("iVersion", _INT),
        ("xClose", _PTR),
        ("xRead", _PTR),
        ("xWrite", _PTR),
        ("xTruncate", _PTR),
        ("xSync", _PTR),
        ("rest", _PTR * 13),
    ]


_OPEN = _FN(_INT, _PTR, _PTR, _PTR, _INT, _PTR)
_DELETE = _FN(_INT, _PTR, ctypes.c_char_p, _INT)
_WRITE = _FN(_INT, _PTR, _PTR, _INT, _I64)
_TRUNCATE = _FN(_INT, _PTR, _I64)
_SYNC = _FN(_INT, _PTR, _INT)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that was asked of the disk."""

    kind: str
    path: str
    offset: int = 0
    content: bytes = b""


@dataclass
class Disk:
    """The journal. `journal.append` is atomic, so threads may share it."""

    folder: Path
    journal: list[Operation] = field(default_factory=list)
    refuses: int = 0
    """SQLite's code for every write and sync from now on; 0 takes them."""

    def cut(self, at: int, rng: random.Random, into: Path) -> None:
        """Write into a folder what the card holds if power goes before operation `at`."""
        into.mkdir(parents=True, exist_ok=True)
        for name in sorted({Path(operation.path).name for operation in self.journal[:at]}):
            if name.endswith("-shm"):
                continue
            mine = [operation for operation in self.journal[:at] if Path(operation.path).name == name]
            synced = max((n for n, operation in enumerate(mine) if operation.kind == "sync"), default=-1)
            content: bytearray | None = None
            for number, operation in enumerate(mine):
                content = _applied(content, operation, None if number <= synced else rng)
            if content is not None:
                (into / name).write_bytes(bytes(content))


def _applied(content: bytearray | None, operation: Operation, rng: random.Random | None) -> bytearray | None:
    """A file after an operation; with `rng` it was not synced, and what of it lasts is chance."""
    if operation.kind == "sync":
        return content
    if operation.kind == "delete":
        return content if rng and rng.random() < 0.5 else None
    content = bytearray() if content is None else content
    if operation.kind == "truncate":
        if rng is None or rng.random() < 0.5:
            del content[operation.offset :]
        return content
    end = operation.offset + len(operation.content)
    if rng is None:
        _grow(content, end)
        content[operation.offset : end] = operation.content
        return content
    if rng.random() < 0.3:
        return content  # all of it is lost
    start = operation.offset
    while start < end:
        stop = min(end, (start // _SECTOR + 1) * _SECTOR)
        piece = operation.content[start - operation.offset : stop - operation.offset]
        fate = rng.random()
        if fate < 0.6:
            _grow(content, stop)
            content[start:stop] = piece
        elif fate < 0.75:  # torn: a part of the sector
            torn = rng.randrange(len(piece) + 1)
            _grow(content, start + torn)
            content[start : start + torn] = piece[:torn]
        start = stop
    return content


def _grow(content: bytearray, size: int) -> None:
    if len(content) < size:
        content.extend(bytes(size - len(content)))


class JournallingVfs:
    """Makes SQLite of this process write through the journal, for files below one folder.

    Raises:
        OSError: this Python has SQLite within itself, where it cannot be reached.
    """

    def __init__(self, folder: Path) -> None:
        self.disk = Disk(folder)
        self._library = ctypes.CDLL(_library_path())
        self._library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        self._library.sqlite3_vfs_find.argtypes = [ctypes.c_char_p]
        self._library.sqlite3_vfs_register.argtypes = [_PTR, _INT]
        self._library.sqlite3_vfs_unregister.argtypes = [_PTR]
        self._usual = self._library.sqlite3_vfs_find(None)
        self._mine = _Vfs()
        ctypes.memmove(ctypes.byref(self._mine), self._usual, ctypes.sizeof(_Vfs))
        self._mine.zName = b"journalling"
        self._open, self._delete = _OPEN(self._usual.contents.xOpen), _DELETE(self._usual.contents.xDelete)
        self._paths: dict[int, str] = {}
        self._methods: dict[int, tuple[_Methods, _Methods]] = {}
        self._kept: list[Any] = [_OPEN(self._x_open), _DELETE(self._x_delete)]
        self._kept += [_WRITE(self._x_write), _TRUNCATE(self._x_truncate), _SYNC(self._x_sync)]
        self._mine.xOpen, self._mine.xDelete = (ctypes.cast(each, _PTR).value for each in self._kept[:2])
        self._lock = threading.Lock()

    def __enter__(self) -> Disk:
        self._library.sqlite3_vfs_register(ctypes.byref(self._mine), 1)
        return self.disk

    def __exit__(self, *_: object) -> None:
        self._library.sqlite3_vfs_register(ctypes.cast(self._usual, _PTR), 1)
        self._library.sqlite3_vfs_unregister(ctypes.byref(self._mine))

    def _x_open(self, _vfs: int, name: int | None, file: int, flags: int, out: int | None) -> int:
        result = self._open(ctypes.cast(self._usual, _PTR).value, name, file, flags, out)
        path = ctypes.string_at(name).decode() if name else ""
        if result or not path.startswith(str(self.disk.folder)) or path.endswith("-shm"):
            return result
        where = ctypes.cast(file, ctypes.POINTER(_PTR))
        usual = where.contents.value
        assert usual is not None
        with self._lock:
            if usual not in self._methods:
                original = _Methods.from_address(usual)
                changed = _Methods()
                ctypes.memmove(ctypes.byref(changed), usual, ctypes.sizeof(_Methods))
                changed.xWrite, changed.xTruncate, changed.xSync = (
                    ctypes.cast(each, _PTR).value for each in self._kept[2:]
                )
                self._methods[usual] = original, changed
                self._methods[ctypes.addressof(changed)] = original, changed
            where[0] = ctypes.addressof(self._methods[usual][1])
            self._paths[file] = path
        return result

    def _original(self, file: int) -> _Methods:
        address = ctypes.cast(file, ctypes.POINTER(_PTR)).contents.value
        assert address is not None
        return self._methods[address][0]

    def _x_delete(self, _vfs: int, name: bytes, sync: int) -> int:
        if name.decode().startswith(str(self.disk.folder)):
            self.disk.journal.append(Operation("delete", name.decode()))
            if sync:  # the folder is synced with it
                self.disk.journal.append(Operation("sync", name.decode()))
        return self._delete(ctypes.cast(self._usual, _PTR).value, name, sync)

    def _x_write(self, file: int, content: int, size: int, offset: int) -> int:
        if self.disk.refuses:
            return self.disk.refuses
        self.disk.journal.append(Operation("write", self._paths[file], offset, ctypes.string_at(content, size)))
        return _WRITE(self._original(file).xWrite)(file, content, size, offset)

    def _x_truncate(self, file: int, size: int) -> int:
        if self.disk.refuses:
            return self.disk.refuses
        self.disk.journal.append(Operation("truncate", self._paths[file], size))
        return _TRUNCATE(self._original(file).xTruncate)(file, size)

    def _x_sync(self, file: int, flags: int) -> int:
        if self.disk.refuses:
            return self.disk.refuses
        result = _SYNC(self._original(file).xSync)(file, flags)
        self.disk.journal.append(Operation("sync", self._paths[file]))
        return result


def _library_path() -> str:
    for line in Path("/proc/self/maps").read_text().splitlines():
        if "libsqlite3" in line:
            return line.split()[-1]
    raise OSError("this Python carries SQLite within itself; Debian's own does not")
