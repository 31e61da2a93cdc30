"""Pictures show what the commands print: drawn again from the code and from the lab's recordings, they are the same."""

from __future__ import annotations

import pytest

from tests.pictures import FOLDER, PICTURES, RECORDED, RECORDINGS, THEMES, Picture, drawn, printed

# The others are drawn again by `make docs`, after which CI finds nothing changed.
_RUN = [picture for picture in PICTURES if picture.name == "plan"]


def output(picture: Picture) -> str:
    if picture in RECORDED:
        return (RECORDINGS / f"{picture.name}.ansi").read_text(encoding="utf-8")
    return printed(picture)


@pytest.mark.parametrize("picture", [*_RUN, *RECORDED], ids=lambda picture: picture.name)
def test_a_picture_shows_what_the_command_prints(picture: Picture) -> None:
    shown = output(picture)
    for theme in THEMES:
        assert picture.file(theme).read_text(encoding="utf-8") == drawn(picture, shown, theme), "run `make docs`"


def test_no_picture_is_left_over_and_none_asks_another_server() -> None:
    named = {one.file(theme) for one in (*PICTURES, *RECORDED) for theme in THEMES}
    assert set(FOLDER.iterdir()) == named
    assert not [path.name for path in named if "url(http" in path.read_text(encoding="utf-8")]


def test_a_part_that_the_output_does_not_have_is_an_error() -> None:
    picture = Picture("none", ("plan",), parts=(("Nowhere", 0),))
    with pytest.raises(ValueError, match="no part of the output begins with Nowhere"):
        drawn(picture, "prod\n\nBackups\n  none\n\nend\n", "light")
