"""Which configuration is in force on this box, on its disk: the old one or the new one, and never half of one.

data_dir/configuration/
    state.json      what is kept, what is tried, what was gone back from: replaced in one step, and all that decides
    NUMBER/         a configuration: `configuration.toml` and scenes, which people may look at and change; `sent.bin`
                    has it as it came
    key             to which the passwords of cameras are sealed
"""

import logging
import shutil
import threading
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import quote

import msgspec

from edge_agent.address import camera_address
from edge_agent.config import (
    AgentSettings,
    Camera,
    CameraSettings,
    RehearsalSettings,
    RtspCamera,
    SyntheticCamera,
    Watch,
    load_agent_file,
    ready,
)
from shared.configuration import MAIN, SCENE, Files, SentConfiguration, content_of, decode_sent
from shared.errors import ConfigError, HawklineError, WireError
from shared.files import make_folder, sync_folder, write_secret
from shared.settings import load_toml
from shared.topics import Address
from shared.trust.identity import TrustError
from shared.trust.sealed import KEY_BYTES, new_sealing_key, open_sealed

log = logging.getLogger(__name__)

MOST_LIVES: Final = 3
"""So often an agent may begin anew while it tries a configuration: what ends it each time is gone back from."""
_LONGEST = 200


class LacksPasswordsError(HawklineError):
    """A configuration has cameras whose passwords were not sealed to this box."""


class _State(msgspec.Struct, frozen=True):
    """What holds over a power cut.

    Attributes:
        kept: number of the configuration in force; 0: the box's own file.
        before: the one in force before it.
        tried: the one that is being tried; 0: none.
        lives: how often an agent has begun while it was tried.
        saw: cameras that gave pictures before.
        refused: the newest that was not kept.
        why: what was wrong with it.
    """

    kept: int = 0
    before: int = 0
    tried: int = 0
    lives: int = 0
    saw: tuple[str, ...] = ()
    refused: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class InForce:
    """What a life of the agent watches.

    Attributes:
        settings: whole, with what is the box's own.
        cameras: ready to run.
        path: the file that names them.
        number: of the configuration; 0: the box's own file.
        content: of its files as they lie there.
        changed: of these, those that say something else than what was sent.
        tried: it is not kept yet.
        saw: cameras that gave pictures before it.
    """

    settings: AgentSettings
    cameras: Sequence[Camera]
    path: Path
    number: int = 0
    content: str = ""
    changed: tuple[str, ...] = ()
    tried: bool = False
    saw: tuple[str, ...] = ()


class Store:
    """The configurations of this box. May be used from several threads.

    Args:
        config: the box's own file, which is read once.

    Raises:
        ConfigError: it cannot be used.
    """

    def __init__(self, config: Path) -> None:
        self._config, self._own, self._lock = config, load_agent_file(config), threading.Lock()
        self._folder = self._own.data_dir / "configuration"
        self._box = Address(self._own.site, self._own.agent)
        self._state = self._read_state()

    @property
    def refused(self) -> tuple[int, str]:
        """The newest configuration that was not kept, and why; 0: none."""
        with self._lock:
            return self._state.refused, self._state.why

    @property
    def newest(self) -> int:
        """The newest configuration that anything was decided of."""
        with self._lock:
            return max(self._state.kept, self._state.tried, self._state.refused)

    @property
    def was_sent(self) -> bool:
        """The centre has ever sent one."""
        return self.newest > 0

    def begin(self) -> InForce:
        """What a process of the agent begins with. One that has ended again and again in a trial goes back.

        Raises:
            ConfigError: nothing of it can be used, nor the box's own file.
        """
        with self._lock:
            state = self._state
            if state.tried and state.lives >= MOST_LIVES:
                self._go_back(f"the agent ended {state.lives} times while it was tried")
            elif state.tried:
                try:
                    self._write(msgspec.structs.replace(state, lives=state.lives + 1))
                except OSError as error:  # lives that cannot be counted might never end
                    self._go_back(f"the card does not take how often it was tried: {error}")
        return self.in_force()

    def in_force(self, *, only_look: bool = False) -> InForce:
        """What is tried or kept; where that cannot be used, what was kept before; and else the box's own file.

        Args:
            only_look: for commands beside a running agent: nothing is decided.

        Raises:
            ConfigError: none of them can be used.
        """
        with self._lock:
            state = self._state
            if state.tried:
                try:
                    return replace(self._load(state.tried), tried=True, saw=state.saw)
                except (HawklineError, OSError) as error:
                    if not only_look:
                        self._go_back(self._told(state.tried, error))
            for number in dict.fromkeys((state.kept, state.before)):
                if not number:
                    continue
                try:
                    return self._load(number)
                except (HawklineError, OSError) as error:
                    log.error("configuration %d, which was in force, cannot be used: %s", number, error)
        base = self._config.resolve().parent
        settings, cameras = ready(self._own, self._config, base, base)
        return InForce(settings, cameras, self._config)

    def put(self, sent: SentConfiguration) -> None:
        """Write down what was fetched: whole, or not at all. It is not in force by that.

        Raises:
            OSError: it cannot be written.
        """
        with self._lock:
            if sent.number in (self._state.kept, self._state.tried) and self._has(sent):
                return  # it is in force: nothing of it is taken away for a moment
        make_folder(self._folder, 0o700)
        part, whole = self._folder / f"{sent.number}.part", self._folder / str(sent.number)
        for each in (part, whole):
            shutil.rmtree(each, ignore_errors=True)
        make_folder(part, 0o700)
        for name, text in sent.files.items():
            write_secret(part / name, text.encode())
        write_secret(part / "sent.bin", msgspec.msgpack.encode(sent))
        part.rename(whole)
        sync_folder(self._folder)

    def try_out(self, number: int, saw: Sequence[str]) -> None:
        """From the next life on, a configuration that was put is tried.

        Args:
            number: of it.
            saw: cameras that give pictures now.

        Raises:
            ConfigError: it says something that cannot be; nothing has changed but that this is known.
            LacksPasswordsError: its cameras have passwords that are not here.
            OSError: the card takes nothing now.
        """
        with self._lock:
            try:
                self._load(number)
            except (ConfigError, TrustError, WireError) as error:
                why = self._told(number, error)
                self._write(msgspec.structs.replace(self._state, refused=number, why=why))
                raise ConfigError(why) from None
            self._write(msgspec.structs.replace(self._state, tried=number, lives=1, saw=tuple(saw)))
        self._tidy()

    def keep(self) -> None:
        """What is tried is kept.

        Raises:
            OSError: that cannot be written: it is tried again with the next life.
        """
        with self._lock:
            state = self._state
            before = state.before if state.kept == state.tried else state.kept
            self._write(_State(kept=state.tried, before=before, refused=state.refused, why=state.why))
        self._tidy()

    def undo(self, why: str) -> None:
        """What is tried is gone back from, with the next life.

        Args:
            why: for the planner.
        """
        with self._lock:
            self._go_back(why)

    def forget(self) -> None:
        """From the next life on the box's own file is in force, until the centre sends another configuration.

        Raises:
            OSError: that cannot be written.
        """
        with self._lock:
            state = self._state
            newest = max(state.kept, state.tried, state.refused)
            self._write(_State(refused=newest, why="it was taken back at the box"))
        self._tidy()

    def sealing_key(self) -> bytes:
        """The private key to which passwords are sealed; made when it is asked for first.

        Raises:
            OSError: it cannot be kept.
        """
        path = self._folder / "key"
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            key = b""
        if len(key) != KEY_BYTES:
            make_folder(self._folder, 0o700)
            key = new_sealing_key()
            write_secret(path, key)
        return key

    def _load(self, number: int) -> InForce:
        folder, own = self._folder / str(number), self._own
        sent = _as_it_came(folder / "sent.bin")
        if not sent.files:  # the box's own file again
            base = self._config.resolve().parent
            settings, cameras = ready(own, self._config, base, base)
            return InForce(settings, cameras, self._config, number)
        lying = _files_in(folder)
        changed = tuple(
            sorted(name for name in lying.keys() | sent.files.keys() if lying.get(name) != sent.files.get(name))
        )
        key = self.sealing_key() if sent.passwords else b""
        passwords = {name: open_sealed(each, key, self._box, name) for name, each in sent.passwords.items()}
        try:
            settings, cameras = self._ready(folder, passwords)
        except (ConfigError, OSError) as error:
            if not changed:
                raise
            log.error("what was changed at the box cannot be used, so what was sent is: %s", error)
            with TemporaryDirectory(prefix="hawkline-configuration-") as aside:
                for name, text in sent.files.items():
                    Path(aside, name).write_text(text, "utf-8")
                settings, cameras = self._ready(Path(aside), passwords)
        return InForce(settings, cameras, folder / MAIN, number, content_of(lying), changed)

    def _has(self, sent: SentConfiguration) -> bool:
        try:
            return _as_it_came(self._folder / str(sent.number) / "sent.bin") == sent
        except ConfigError:
            return False

    def _ready(self, folder: Path, passwords: Mapping[str, str]) -> tuple[AgentSettings, list[Camera]]:
        path, base = folder / MAIN, self._config.resolve().parent
        watch = load_toml(path, Watch)
        _require_beside(path, watch, "")
        if self._own.rehearsal:
            watch = _rehearsed(watch, self._own.rehearsal, self._box)
        watch = _with_passwords(watch, passwords)
        own = {name: getattr(self._own, name) for name in AgentSettings.__struct_fields__}
        try:
            settings = AgentSettings(**own | {name: getattr(watch, name) for name in Watch.__struct_fields__})
        except ValueError as error:  # of what is ours and what is the centre's together
            raise ConfigError(f"{path}: key {error}") from None
        return ready(settings, path, base, folder)

    def _told(self, number: int, error: Exception) -> str:
        """For a planner, who knows the files and not where they lie here."""
        return str(error).replace(f"{self._folder / str(number)}/", "")[:_LONGEST]

    def _go_back(self, why: str) -> None:
        state = self._state
        log.error("configuration %d is not kept: %s", state.tried, why)
        back = _State(kept=state.kept, before=state.before, refused=state.tried, why=why[:_LONGEST])
        try:
            self._write(back)
        except OSError as error:  # then it is tried once more after the next restart
            log.error("that cannot be written down: %s", error)
            self._state = back

    def _write(self, state: _State) -> None:
        make_folder(self._folder, 0o700)
        write_secret(self._folder / "state.json", msgspec.json.encode(state))
        self._state = state

    def _read_state(self) -> _State:
        path = self._folder / "state.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=_State)
        except FileNotFoundError:
            return _State()
        except (OSError, msgspec.MsgspecError) as error:
            log.error("%s cannot be read, so the box's own file is in force: %s", path, error)
            return _State()

    def _tidy(self) -> None:
        """What is neither kept nor tried, nor was before, goes; but for what is newer, which may just have come."""
        with self._lock:
            needed = {self._state.kept, self._state.before, self._state.tried}
        for folder in self._folder.iterdir():
            number = folder.name.partition(".")[0]
            if number.isdecimal() and int(number) < max(needed) and int(number) not in needed:
                shutil.rmtree(folder, ignore_errors=True)


def _as_it_came(path: Path) -> SentConfiguration:
    """What came, as it was written down.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return decode_sent(path.read_bytes())
    except (OSError, WireError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None


def _files_in(folder: Path) -> Files:
    """What lies there now."""
    return {
        each.name: each.read_bytes().decode("utf-8", "replace")  # its line ends as they came
        for each in sorted(folder.iterdir())
        if each.name == MAIN or SCENE.fullmatch(each.name)
    }


def _rehearsed(watch: Watch, rehearsal: RehearsalSettings, box: Address) -> Watch:
    """With a generated scene in place of each camera, the same one each time."""

    def generated(camera: CameraSettings) -> CameraSettings:
        seed = zlib.crc32(f"{box.site}/{box.agent}/{camera.name}".encode())
        return msgspec.structs.replace(camera, source=SyntheticCamera("fence", seed, rehearsal.fps))

    return msgspec.structs.replace(watch, cameras=[generated(each) for each in watch.cameras])


def _with_passwords(watch: Watch, passwords: Mapping[str, str]) -> Watch:
    """Put passwords where users stand alone.

    Raises:
        LacksPasswordsError: there is none for one of them.
    """
    cameras, lacking = list(watch.cameras), list[str]()
    for at, camera in enumerate(cameras):
        source = camera.source
        if not isinstance(source, RtspCamera):
            continue
        known = passwords.get(camera.name)
        urls = {
            key: _with_password(url, known)
            for key, url in (("url", source.url), ("picture_url", source.picture_url))
            if url and _is_without(url)
        }
        if urls and known is None:
            lacking.append(camera.name)
        elif urls:
            cameras[at] = msgspec.structs.replace(camera, source=msgspec.structs.replace(source, **urls))
    if lacking:
        names = ", ".join(lacking)
        raise LacksPasswordsError(f"passwords of {names} were not sealed to this box: send them (hawkline site send)")
    return msgspec.structs.replace(watch, cameras=cameras)


def _is_without(url: str) -> bool:
    """Whether a user stands in an address, and no password."""
    user, at, _ = camera_address(url).url.partition("://")[2].partition("/")[0].rpartition("@")
    return bool(at) and ":" not in user


def _with_password(url: str, password: str | None) -> str:
    scheme, sign, rest = camera_address(url).url.partition("://")
    before, slash, path = rest.partition("/")
    user, _, place = before.rpartition("@")
    return f"{scheme}{sign}{user}:{quote(password or '', safe='')}@{place}{slash}{path}"


def _require_beside(path: Path, node: Any, key: str) -> None:
    """What the centre names lies beside the box's own file: it names no file of the machine's.

    Raises:
        ConfigError: it names another.
    """
    if isinstance(node, Path):
        if node.is_absolute() or ".." in node.parts:
            raise ConfigError(f"{path}: key {key}: {str(node)!r}, expected a file beside the box's own configuration")
    elif isinstance(node, msgspec.Struct):
        for name in node.__struct_fields__:
            _require_beside(path, getattr(node, name), f"{key}.{name}" if key else name)
    elif isinstance(node, list | tuple):
        for at, each in enumerate(node):
            _require_beside(path, each, f"{key}[{at}]")
