"""Time zones are IANA's: what POSIX calls UTC+8 lies sixteen hours from what people mean."""

import pytest
from typer.testing import CliRunner

from aggregator.client.moments import local_zone
from shared.commands import build
from shared.errors import ConfigError
from shared.scene import Scene
from shared.time_zones import check_zone


@pytest.mark.parametrize("name", ["Asia/Shanghai", "UTC", "Etc/GMT-8", "America/Argentina/Buenos_Aires"])
def test_names_of_zones(name: str) -> None:
    assert check_zone(name) == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("UTC+8", "an offset has no name"),
        ("CST-8", "an offset has no name"),
        ("+08:00", "an offset has no name"),
        ("Asia/shanghai", "did you mean Asia/Shanghai?"),
        ("ASIA/SHANGHAI", "did you mean Asia/Shanghai?"),
        ("Asia/Shangai", "did you mean Asia/Shanghai?"),
        ("posix/Asia/Shanghai", "expected"),
        ("/etc/localtime", "expected"),
        ("../Asia/Shanghai", "expected"),
        ("北京", "expected"),
        ("", "expected"),
    ],
)
def test_what_is_no_zone_is_refused_everywhere(name: str, said: str) -> None:
    with pytest.raises(ValueError, match="IANA") as refused:
        check_zone(name)
    assert said in str(refused.value)
    with pytest.raises(ValueError, match="timezone: "):
        Scene(timezone=name)
    if name:
        result = CliRunner().invoke(build(), ["counts", "--zone", name, "--url", "http://127.0.0.1:9"])
        assert isinstance(result.exception, ConfigError)
        assert "--zone" in str(result.exception) and said in str(result.exception)


@pytest.mark.parametrize(
    ("value", "zone"),
    [
        ("Asia/Shanghai", "Asia/Shanghai"),
        (":Asia/Shanghai", "Asia/Shanghai"),
        ("/usr/share/zoneinfo/Asia/Shanghai", "Asia/Shanghai"),
        (":/usr/share/zoneinfo/Asia/Shanghai", "Asia/Shanghai"),
        ("", "UTC"),
        ("UTC0", "UTC"),
        ("UTC", "UTC"),
    ],
)
def test_the_machines_zone(value: str, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", value)
    assert local_zone() == zone


@pytest.mark.parametrize("value", ["CST-8", "<+08>-8", "EST5EDT,M3.2.0,M11.1.0", "Asia/shanghai", "nonsense"])
def test_a_zone_without_a_name_is_said_not_taken_for_another(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", value)
    with pytest.raises(ConfigError, match="--zone"):
        local_zone()
