"""Configurations on a box: the old one or the new one at each moment, tried, kept or gone back from."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.config import Watch
from edge_agent.configuration import store as module
from edge_agent.configuration.store import InForce, LacksPasswordsError, Store
from edge_agent.configuration.trial import STEADY_S, Trial, Verdict
from edge_agent.orders.configuration import Configuration
from edge_agent.orders.desired import Desired, NotYetError
from edge_agent.uplink.own_door import GoneError
from shared import desired
from shared.configuration import MAIN, SentConfiguration, content_of, decode_sent, faults_of
from shared.desired import DesiredState, section
from shared.errors import ConfigError, UnavailableError, WireError
from shared.events import ConfigurationHealth
from shared.settings import parse_toml
from shared.topics import Address
from shared.trust import TrustError
from shared.trust.sealed import new_sealing_key, open_sealed, public_part, seal

OWN = 'site = "north"\nagent = "gate-1"\ndata_dir = "data"\n'
BOX = Address("north", "gate-1")
SCENE = '[[tripwires]]\nname = "line"\npoints = [[0.1, 0.5], [0.9, 0.5]]\n'
WITHIN_S = 120.0
DOES, DOES_NOT = (True, ""), (False, "unreachable")


def camera(name: str, url: str = "", more: str = "") -> str:
    source = f'kind = "rtsp", url = "{url}"' if url else 'kind = "synthetic", scene = "gate"'
    return f'[[cameras]]\nname = "{name}"\nscene = "scene-{name}.toml"\nsource = {{ {source} }}\n{more}'


def sent(number: int, *names: str, scene: str = SCENE, **more: str) -> SentConfiguration:
    files = {MAIN: "".join(camera(name) for name in names)} | {f"scene-{name}.toml": scene for name in names}
    return SentConfiguration(number, files | more)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(OWN + camera("own"))
    (tmp_path / "scene-own.toml").write_text(SCENE)
    return path


def names(in_force: InForce) -> list[str]:
    return [each.settings.name for each in in_force.cameras]


def kept(store: Store, what: SentConfiguration) -> None:
    store.put(what)
    store.try_out(what.number, ())
    store.keep()


def test_what_is_tried_is_in_force_and_kept_or_gone_back_from(config: Path) -> None:
    store = Store(config)
    assert (names(store.begin()), store.was_sent) == (["own"], False)
    store.put(sent(7, "gate"))
    assert names(store.in_force()) == ["own"]
    store.try_out(7, ["own"])
    tried = Store(config).begin()
    assert (names(tried), tried.number, tried.tried, tried.saw) == (["gate"], 7, True, ("own",))
    assert (tried.settings.site, tried.settings.agent) == ("north", "gate-1")
    store = Store(config)
    store.keep()
    after = Store(config).begin()
    assert (names(after), after.tried, after.changed) == (["gate"], False, ())
    assert after.content == content_of(sent(7, "gate").files)
    store.put(sent(8, "fence"))
    store.try_out(8, ["gate"])
    store.undo("fence: unreachable")
    again = Store(config)
    assert names(again.begin()) == ["gate"]
    assert (again.refused, again.newest) == ((8, "fence: unreachable"), 8)
    assert not (config.parent / "data/configuration/9").exists()


def test_the_box_s_own_file_comes_back_when_the_centre_says_so_or_a_person_at_the_box(config: Path) -> None:
    store = Store(config)
    kept(store, sent(7, "gate"))
    kept(store, SentConfiguration(8, {}))
    assert (names(store.in_force()), store.in_force().number) == (["own"], 8)
    kept(store, sent(9, "fence"))
    store.forget()
    assert (names(Store(config).begin()), store.newest) == (["own"], 9)


def test_an_agent_that_ends_again_and_again_in_a_trial_goes_back(config: Path) -> None:
    Store(config).put(sent(7, "gate"))
    Store(config).try_out(7, ["own"])
    assert [names(Store(config).begin()) for _ in range(4)] == [["gate"], ["gate"], ["own"], ["own"]]
    assert Store(config).refused == (7, "the agent ended 3 times while it was tried")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({MAIN: camera("gate")}, "no such file .*scene-gate.toml"),
        ({MAIN: camera("gate"), "scene-gate.toml": "[[tripwires]]\n"}, "tripwires"),
        ({MAIN: "site = 'other'\n"}, "unknown field `site`"),
        ({MAIN: '[trust]\nurl = "https://elsewhere:1"\n'}, "unknown field `trust`"),
        ({MAIN: "[["}, "not valid TOML"),
        ({MAIN: camera("gate").replace('"scene-gate.toml"', '"/etc/passwd"')}, "expected a file beside"),
        ({MAIN: '[inputs.mqtt]\nusername = "u"\npassword_file = "../trust/identity.pem"\n'}, "expected a file beside"),
        ({MAIN: camera("a") + camera("a"), "scene-a.toml": SCENE}, "every camera needs a name of its own"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_not_tried(config: Path, files: dict[str, str], said: str) -> None:
    store = Store(config)
    store.put(SentConfiguration(7, files))
    with pytest.raises(ConfigError, match=said):
        store.try_out(7, ())
    again = Store(config)
    assert names(again.begin()) == ["own"]
    assert again.refused[0] == 7


@pytest.mark.parametrize(
    ("files", "said"),
    [({"scene-a.toml": ""}, "there is no"), ({MAIN: "", "../x": ""}, "name of no file"), ({MAIN: "x" * 2**21}, "KB")],
)
def test_what_is_no_configuration_is_not_read(files: dict[str, str], said: str) -> None:
    assert said in faults_of(files)
    import msgspec

    with pytest.raises(WireError):
        decode_sent(msgspec.msgpack.encode(SentConfiguration(1, files)))


def test_a_power_cut_at_any_step_leaves_the_old_one_or_the_new_one(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call that changes the disk may be the last one."""

    class PowerCut(BaseException):
        pass

    store = Store(config)
    kept(store, sent(7, "gate"))
    before = tmp_path / "before"
    shutil.copytree(config.parent / "data", before)

    def all_steps() -> None:
        store = Store(config)
        store.put(sent(8, "fence", "yard"))
        store.try_out(8, ["gate"])
        Store(config).begin()
        Store(config).keep()

    def run_until(step: int) -> bool:
        """Whether it was cut."""
        shutil.rmtree(config.parent / "data")
        shutil.copytree(before, config.parent / "data")
        left = step

        def cut(real: Callable[..., object]) -> Callable[..., object]:
            def call(*args: object, **named: object) -> object:
                nonlocal left
                left -= 1
                if left < 0:
                    raise PowerCut
                return real(*args, **named)

            return call

        with monkeypatch.context() as patched:
            for name in ("fsync", "open", "rename", "replace", "mkdir"):
                patched.setattr(os, name, cut(getattr(os, name)))
            try:
                all_steps()
            except PowerCut:
                return True
        return False

    found, step = list[list[str]](), 0
    while run_until(step):
        in_force = Store(config).begin()
        assert not in_force.changed
        found.append(names(in_force))
        step += 1
    assert step > 20
    changes = [at for at in range(1, len(found)) if found[at] != found[at - 1]]
    assert len(changes) == 1, found
    assert (found[0], found[-1]) == (["gate"], ["fence", "yard"])


def test_what_was_changed_at_the_box_is_obeyed_and_told(config: Path) -> None:
    store = Store(config)
    kept(store, sent(7, "gate"))
    scene = config.parent / "data/configuration/7/scene-gate.toml"
    scene.write_text(SCENE.replace("0.9", "0.7"))
    changed = Store(config).begin()
    assert changed.changed == ("scene-gate.toml",)
    assert changed.cameras[0].scene.watches[0].points[1] == (0.7, 0.5)
    assert changed.content != content_of(sent(7, "gate").files)
    scene.write_text("[[")  # what cannot be used is told, and what was sent is in force
    broken = Store(config).begin()
    assert (names(broken), broken.changed) == (["gate"], ("scene-gate.toml",))
    assert broken.cameras[0].scene.watches[0].points[1] == (0.9, 0.5)


def test_a_card_that_has_lost_it_falls_back(config: Path) -> None:
    store = Store(config)
    kept(store, sent(7, "gate"))
    kept(store, sent(8, "fence"))
    folder = config.parent / "data/configuration"
    (folder / "8/sent.bin").write_bytes(b"\0" * 100)
    assert names(Store(config).begin()) == ["gate"]
    shutil.rmtree(folder / "7")
    assert names(Store(config).begin()) == ["own"]
    (folder / "state.json").write_bytes(b"")
    assert names(Store(config).begin()) == ["own"]


def test_passwords_are_sealed_to_one_box_and_stand_in_no_file(config: Path) -> None:
    store = Store(config)
    url = "rtsp://10.0.0.1/small"
    files = {MAIN: camera("gate", url.replace("//", "//hawk@")), "scene-gate.toml": SCENE}
    store.put(SentConfiguration(7, files))
    with pytest.raises(LacksPasswordsError, match="passwords of gate"):
        store.try_out(7, ())
    assert names(Store(config).begin()) == ["own"]
    public = public_part(store.sealing_key())
    sealed = seal("p@ss/密", public, BOX, "gate")
    kept(store, SentConfiguration(8, files, {"gate": sealed}))
    in_force = Store(config).begin()
    source = in_force.settings.cameras[0].source
    assert getattr(source, "url", "") == "rtsp://hawk:p%40ss%2F%E5%AF%86@10.0.0.1/small"
    lies = b"".join(each.read_bytes() for each in (config.parent / "data").rglob("*") if each.is_file())
    assert b"p%40ss" not in lies
    assert b"p@ss" not in lies
    assert public_part(Store(config).sealing_key()) == public
    with pytest.raises(TrustError, match="sealed to another key"):
        open_sealed(sealed, new_sealing_key(), BOX, "gate")
    with pytest.raises(TrustError, match="sealed to another key"):
        open_sealed(sealed, store.sealing_key(), BOX, "fence")
    store.put(SentConfiguration(9, files, {"gate": seal("x", public_part(new_sealing_key()), BOX, "gate")}))
    with pytest.raises(ConfigError, match="sealed to another key"):
        store.try_out(9, ())


@pytest.mark.parametrize(
    ("saw", "cameras", "does", "verdict"),
    [
        (["a", "b"], ["a", "b"], {"a": DOES, "b": DOES}, Verdict.KEEP),
        (["a", "b"], ["a", "b"], {"a": DOES, "b": DOES_NOT}, Verdict.GO_BACK),
        (["a"], ["a", "new"], {"a": DOES, "new": DOES_NOT}, Verdict.KEEP),
        (["a"], ["b", "c"], {"b": DOES_NOT, "c": DOES}, Verdict.KEEP),
        (["a"], ["b", "c"], {"b": DOES_NOT, "c": DOES_NOT}, Verdict.GO_BACK),
        (["a"], [], {}, Verdict.KEEP),
        ([], ["a"], {"a": DOES_NOT}, Verdict.KEEP),
    ],
)
def test_a_configuration_is_kept_when_cameras_come_back(
    saw: list[str], cameras: list[str], does: dict[str, tuple[bool, str]], verdict: Verdict
) -> None:
    trial, at_s = Trial(saw, cameras, 100.0, WITHIN_S), 100.0
    found = None
    while found is None:
        at_s += 1.0
        found = trial.judge(at_s, does)
    assert found[0] is verdict
    expected = 100.0 + (WITHIN_S if verdict is Verdict.GO_BACK else STEADY_S)
    assert expected <= at_s <= expected + 2
    assert ("unreachable" in found[1]) == (verdict is Verdict.GO_BACK)


def test_a_camera_that_comes_and_goes_has_not_come_back() -> None:
    trial = Trial(["a"], ["a"], 0.0, WITHIN_S)
    for at in range(int(WITHIN_S)):
        assert trial.judge(float(at), {"a": DOES if at % 4 else DOES_NOT}) is None
    assert (trial.judge(WITHIN_S, {"a": DOES}) or (None,))[0] is Verdict.GO_BACK


class Centre:
    """The door of a test."""

    def __init__(self) -> None:
        self.has = dict[int, SentConfiguration]()
        self.keys = list[bytes]()
        self.away = False

    def fetch(self, number: int) -> SentConfiguration:
        if self.away:
            raise UnavailableError("away")
        if number not in self.has:
            raise GoneError("gone")
        return self.has[number]

    def tell_sealing_key(self, public: bytes) -> None:
        self.keys.append(public)


def test_a_card_that_counts_no_lives_goes_back(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(config)
    store.put(sent(7, "gate"))
    store.try_out(7, ["own"])

    def refuse(*_: object) -> None:
        raise OSError("read-only")

    monkeypatch.setattr(module, "write_secret", refuse)
    assert Store(config).begin().number == 0, "and the box watches"


@pytest.mark.parametrize("text", ["a = " + "[" * 5000 + "]" * 5000, "a = " + "9" * 5000])
def test_what_cannot_be_read_at_all_is_a_fault_of_the_file(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^scene-gate\.toml: "):
        parse_toml(text, Watch, "scene-gate.toml")


class Clock:
    """A steady clock that is moved."""

    def __init__(self) -> None:
        self.at_s = 1000.0

    def now_s(self) -> float:
        return self.at_s

    def monotonic_s(self) -> float:
        return self.at_s


class Life:
    """The parts of one life of an agent that are about its configuration."""

    def __init__(self, config: Path, centre: Centre, clock: Clock) -> None:
        self.store = Store(config)
        self.in_force = self.store.begin()
        self.part = Configuration(self.store, self.in_force, centre, self._settled, clock)
        self.desired = Desired(config.parent / "data/desired.bin", [self.part])

    def _settled(self) -> None:
        self.desired.again("configuration")

    def take(self, version: int, number: int, what: SentConfiguration, over: str = "") -> None:
        body = desired.Configuration(number, content_of(what.files), over)
        self.desired.take(DesiredState(sections=(section("configuration", version, body),)))

    @property
    def said(self) -> tuple[int, int, str]:
        state = next(iter(self.desired.states()), None)
        return (state.version, state.refused, state.error) if state else (0, 0, "")


def test_from_the_section_to_the_next_life_and_its_answer(config: Path) -> None:
    centre, clock = Centre(), Clock()
    one = Life(config, centre, clock)
    what = centre.has[70] = sent(70, "gate", "own")
    centre.away = True
    one.take(5, 70, what)
    assert one.said == (0, 0, "it is fetched")
    with pytest.raises(UnavailableError):
        one.part.look()
    centre.away = False
    one.part.look()
    assert centre.keys == [public_part(one.store.sealing_key())]
    starting = {"own": (False, "starting")}
    assert not one.part.begins_anew(starting)  # it is not known yet how it does
    assert one.part.begins_anew({"own": DOES})
    assert one.part.health() == ConfigurationHealth(0, "", (), 0)
    two = Life(config, centre, clock)
    two.take(5, 70, what)
    assert two.said == (0, 0, "it is being tried")
    assert two.part.health() == ConfigurationHealth(0, content_of(what.files), (), 70)
    does = {"own": DOES, "gate": (False, "starting")}
    assert not two.part.begins_anew(does)
    clock.at_s += STEADY_S
    assert not two.part.begins_anew(does)
    assert two.said == (5, 0, "")
    assert two.part.health() == ConfigurationHealth(70, content_of(what.files))
    # A camera that gave pictures does not come back.
    bad = centre.has[71] = sent(71, "own")
    two.take(6, 71, bad)
    two.part.look()
    assert two.part.begins_anew({"own": DOES, "gate": DOES})
    three = Life(config, centre, clock)
    three.take(6, 71, bad)
    clock.at_s += WITHIN_S
    assert three.part.begins_anew({"own": DOES_NOT})
    four = Life(config, centre, clock)
    assert names(four.in_force) == ["gate", "own"]
    four.take(6, 71, bad)
    assert four.said[:2] == (5, 6)
    assert "own: unreachable" in four.said[2]


def test_what_is_older_than_what_holds_changes_nothing(config: Path) -> None:
    centre, clock = Centre(), Clock()
    kept(Store(config), sent(70, "gate"))
    life = Life(config, centre, clock)
    life.take(5, 60, sent(60, "old"))
    life.part.look()
    assert not life.part.begins_anew({})
    assert life.said == (0, 0, "a newer one, 70, was sent here: expected one that is newer still")
    assert names(life.in_force) == ["gate"]


def test_one_that_comes_while_another_is_tried_is_tried_next(config: Path) -> None:
    centre, clock = Centre(), Clock()
    Store(config).put(sent(70, "gate"))
    Store(config).try_out(70, ["own"])
    life = Life(config, centre, clock)
    newer = centre.has[71] = sent(71, "gate", "fence")
    life.take(5, 70, sent(70, "gate"))
    life.take(6, 71, newer)
    life.part.look()
    assert not life.part.begins_anew({"gate": DOES})
    clock.at_s += STEADY_S
    assert not life.part.begins_anew({"gate": DOES}), "the first is kept"
    assert Store(config).in_force().number == 70
    assert life.part.begins_anew({"gate": DOES}), "what came meanwhile is still there"
    assert names(Store(config).begin()) == ["gate", "fence"]


def test_what_is_in_force_is_not_written_again(config: Path) -> None:
    store = Store(config)
    kept(store, sent(70, "gate"))
    scene = config.parent / "data/configuration/70/scene-gate.toml"
    scene.write_text(SCENE.replace("0.9", "0.8"))
    store.put(sent(70, "gate"))
    assert "0.8" in scene.read_text()


def test_what_was_changed_at_the_box_is_not_undone_by_who_does_not_know_it(config: Path) -> None:
    centre, clock = Centre(), Clock()
    kept(Store(config), sent(70, "gate"))
    (config.parent / "data/configuration/70/scene-gate.toml").write_text(SCENE.replace("0.9", "0.8"))
    what = centre.has[71] = centre.has[72] = sent(71, "fence")
    life = Life(config, centre, clock)
    health = life.part.health()
    assert health
    assert health.changed == ("scene-gate.toml",)
    life.take(5, 71, what)
    assert life.said[1] == 5
    assert "somebody has changed scene-gate.toml" in life.said[2]
    life.take(6, 72, what, over=health.content)
    assert life.said == (0, 0, "it is fetched")


def test_what_has_no_passwords_waits_and_one_that_has_is_taken(config: Path) -> None:
    centre, clock = Centre(), Clock()
    life = Life(config, centre, clock)
    files = {MAIN: camera("gate", "rtsp://hawk@10.0.0.1/small"), "scene-gate.toml": SCENE}
    what = centre.has[70] = SentConfiguration(70, files)
    life.take(5, 70, what)
    life.part.look()
    assert not life.part.begins_anew({"own": DOES})
    assert life.said[:2] == (0, 0)
    assert "passwords of gate" in life.said[2]
    public = centre.keys[0]
    full = centre.has[71] = SentConfiguration(71, files, {"gate": seal("x", public, BOX, "gate")})
    life.take(6, 71, full)
    life.part.look()
    assert life.part.begins_anew({"own": DOES})


def test_a_card_that_takes_nothing_is_asked_again_later(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    centre, clock = Centre(), Clock()
    life = Life(config, centre, clock)
    what = centre.has[70] = sent(70, "own")
    life.take(5, 70, what)
    life.part.look()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(module, "write_secret", full)
        assert not life.part.begins_anew({"own": DOES})
    assert not life.part.begins_anew({"own": DOES})
    clock.at_s += 31
    assert life.part.begins_anew({"own": DOES})
    with pytest.raises(NotYetError):
        life.part.obey(bytes(section("configuration", 5, desired.Configuration(70)).body))
