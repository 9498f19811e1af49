"""Tables of text that fit."""

from __future__ import annotations

from supctl.cli.columns import Column, fitted, table

COLUMNS = (Column("name", elastic=1), Column("pid", right=True), Column("why", elastic=2))
ROWS = (
    ("a", "7", "exit 1 twice in 4 s, and so on"),
    ("an-instance-of-a-long-name", "12345", ""),
)


def test_a_table_is_as_wide_as_its_words() -> None:
    assert list(table(COLUMNS, ROWS, None)) == [
        "name                          pid  why",
        "a                               7  exit 1 twice in 4 s, and so on",
        "an-instance-of-a-long-name  12345",
    ]


def test_the_reason_is_shortened_before_the_name() -> None:
    lines = list(table(COLUMNS, ROWS, 50))
    assert lines[1] == "a                               7  exit 1 twice i…"
    assert lines[2].startswith("an-instance-of-a-long-name  ")
    lines = list(table(COLUMNS, ROWS, 32))
    assert lines[2] == "an-instance-of…  12345"
    assert max(map(len, lines)) == 32


def test_no_terminal_is_so_narrow_that_everything_goes() -> None:
    assert max(map(len, table(COLUMNS, ROWS, 5))) == 8 + 2 + 5 + 2 + 8


def test_a_table_without_rows_has_its_titles() -> None:
    assert list(table(COLUMNS, (), 80)) == ["name  pid  why"]


def test_colours_take_no_room() -> None:
    columns = (Column("state", paint=lambda cell: f"<{cell}>"), Column("pid", right=True))
    assert list(table(columns, [("up", "1")], 80))[1] == "<up>       1"


def test_a_text_is_cut_with_a_sign() -> None:
    assert fitted("abcdef", 6) == "abcdef"
    assert fitted("abcdef", 4) == "abc…"
