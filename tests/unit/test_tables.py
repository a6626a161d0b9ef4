"""CSV files from spreadsheets: whatever parts their cells, however their columns stand; bad lines are named."""

from pathlib import Path

import pytest

from aggregator.client.tables import cells_of, rows_of
from shared.errors import ConfigError


@pytest.mark.parametrize(
    "text",
    [
        "site,serial\nnorth,1\n",
        "site;serial\r\nnorth;1\r\n",
        "\ufeffsite\tserial\nnorth\t1",
        "serial , site\n\n 1 , north \n\n",
        '"site","serial"\n"north","1"\n',
        "site;serial;note\nnorth;1;'=sum",
    ],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, text: str) -> None:
    file = tmp_path / "boxes.csv"
    file.write_text(text, encoding="utf-8", newline="")
    ((line, row),) = rows_of(file, ["site", "serial"], ["note"])
    assert line in (2, 3)
    assert row == {"site": "north", "serial": "1", "note": "=sum" if "note" in text else ""}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "line 1: expected the columns site,serial,note, found "),
        (b"site,serial\n", "no rows below the first line"),
        (b"site\nnorth\n", "line 1: expected the columns site,serial,note, found site"),
        (b"site,serial,colour\nnorth,1,red\n", "line 1: expected the columns"),
        (b"site,serial,site\nnorth,1,south\n", "line 1: expected the columns"),
        (b"site,serial\nnorth,1\nsouth\n", "line 3: expected 2 columns, found 1"),
        (b"site;serial\nnorth,1\n", "line 2: expected 2 columns, found 1"),
        ("site,serial\n北,1\n".encode("gbk"), "byte 13 is not UTF-8"),
        (b'site,serial\nnorth,"1' + b"x" * 200_000 + b'"\n', "line 2: field larger"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_line(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "boxes.csv"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        rows_of(file, ["site", "serial"], ["note"])
    assert words in str(refused.value)


def test_a_column_of_plates_needs_no_head_and_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    file = tmp_path / "plates.csv"
    file.write_text("皖A12345;a lorry\n\n皖B9999D;\n")
    assert [cells[0] for _, cells in cells_of(file)] == ["皖A12345", "皖B9999D"]
    with pytest.raises(ConfigError, match="cannot be read"):
        cells_of(tmp_path / "nothing.csv")
