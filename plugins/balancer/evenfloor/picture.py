"""Pictures in files. Only this module needs matplotlib, which no host has to have."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator, Sequence

from .errors import ConfigurationError

ENDINGS = (".png", ".svg")
_DOTS_PER_INCH = 100
_SETTINGS = {
    # The same numbers give the same file.
    "svg.hashsalt": "evenfloor",
    "svg.fonttype": "none",
    # A dialer's name is what it is, even with a dollar.
    "text.parse_math": False,
}


def check_picture(path: str) -> None:
    """Look whether a picture can be drawn, before anything is read.

    Args:
        path: the file that it is to be in.

    Raises:
        ConfigurationError: the file has another ending, or matplotlib is missing.
    """
    if not path.endswith(ENDINGS):
        raise ConfigurationError(f"--picture {path}: the file's name has to end in .png or .svg")
    _matplotlib()


@contextlib.contextmanager
def picture(path: str, inches: tuple[float, float]) -> Iterator:
    """Yield an empty figure of matplotlib, and write it into a file at the end.

    Args:
        path: a file that ends in .png or .svg.
        inches: its width and height.

    Raises:
        ConfigurationError: matplotlib is missing, or the file can't be written.
    """
    metadata = {"Date": None} if path.endswith(".svg") else {"Software": None}
    with _matplotlib().rc_context(_SETTINGS):
        figure = importlib.import_module("matplotlib.figure").Figure(
            figsize=inches, dpi=_DOTS_PER_INCH, layout="constrained"
        )
        yield figure
        try:
            figure.savefig(path, metadata=metadata)
        except OSError as error:
            raise ConfigurationError(f"--picture {path} can't be written: {error}") from error


def with_gaps(numbers: Sequence[float | None]) -> list[float]:
    """Return numbers as matplotlib draws them: where nothing is known, the line has a gap."""
    return [float("nan") if number is None else number for number in numbers]


def finish_axes(axes, what: str) -> None:
    """Say what axes show, and have them begin at zero.

    Args:
        axes: of matplotlib, with all that is drawn on them.
        what: the label of the vertical one.
    """
    axes.set_ylabel(what)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)


def _matplotlib():
    """Return matplotlib. It is loaded only for a picture: most commands draw none."""
    try:
        return importlib.import_module("matplotlib")
    except ImportError:
        # A login host has the command in a virtual environment, which no package of Debian reaches.
        raise ConfigurationError(
            "--picture needs matplotlib, which isn't installed; run:"
            f" {sys.executable} -m pip install matplotlib"
        ) from None
