"""Puts the best pictures that tests have taken of the pages into the documents, as small files."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from tests.browser import SCREENSHOTS

FOLDER = Path(__file__).parents[1] / "docs/pictures"
#: The pictures in the documents, and the screenshots that they are made of, side by side.
PICTURES = {
    "floor": ("floor",),
    "day": ("day",),
    "phone": ("login-en-session-phone", "floor-phone"),
}
#: Enough for pages, and a third of the bytes.
_COLOURS = 64
_BETWEEN = 24


def beside(images: list[Image.Image]) -> Image.Image:
    """Put pictures of one height side by side."""
    width = sum(image.width for image in images) + _BETWEEN * (len(images) - 1)
    whole = Image.new("RGB", (width, images[0].height), "#8b949e")
    left = 0
    for image in images:
        whole.paste(image, (left, 0))
        left += image.width + _BETWEEN
    return whole


def main() -> None:
    """Write the pictures."""
    FOLDER.mkdir(exist_ok=True)
    for name, parts in PICTURES.items():
        images = [Image.open(SCREENSHOTS / f"{part}.png").convert("RGB") for part in parts]
        few = beside(images).quantize(_COLOURS, dither=Image.Dither.NONE)
        few.save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
