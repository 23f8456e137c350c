"""Shared parts of all pictures: fonts, names, legends and reproducible files.

matplotlib is imported inside functions, and pyplot never, so there are no windows and no global
state. The user's matplotlib settings apply, except those that would change the meaning of a text.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import import_extra
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.files import write_whole
from emo2vec_plugins.report.style import escaped, shown, ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
"""Suffixes of picture files."""

DPI = 150
GREY, FAINT = "#777777", "#f2f2f2"
_WIDEST = 28  # maximum characters of a name beside a lane

# DejaVu Sans comes with matplotlib; the others supply missing characters if they are installed.
_FAMILIES = (
    *("DejaVu Sans", "Noto Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC"),
    *("Noto Sans JP", "Noto Sans KR", "Noto Sans Devanagari", "Noto Sans Thai", "Noto Emoji"),
    *("WenQuanYi Zen Hei", "Droid Sans Fallback", "Source Han Sans SC", "Symbola"),
    *("Hiragino Sans", "Apple SD Gothic Neo", "PingFang SC", "Arial Unicode MS"),
    *("Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Nirmala UI", "Segoe UI Symbol"),
)


@contextmanager
def drawing() -> Iterator[None]:
    """Set up matplotlib for figures in a block: plain texts, and fonts for their characters.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    mpl = import_extra("matplotlib", extra="pictures", purpose="a picture")
    plain = {
        "font.family": list(_fonts()),
        "text.parse_math": False,  # a speaker's name may be $x$
        "text.usetex": False,
        "hatch.linewidth": 0.6,
    }
    with mpl.rc_context(plain):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure; sizes are in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


@cache
def _fonts() -> Mapping[str, Any]:
    """Return the installed fonts by family."""
    from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

    installed = set(fontManager.get_font_names())
    families = [family for family in _FAMILIES if family in installed]
    return {name: get_font(findfont(FontProperties(family=[name]))) for name in families}


def text_of(name: str | None) -> str:
    r"""Return a name for drawing; characters that no font has are escaped, such as ``\u5f20``.

    matplotlib would draw the same box for each of them, with a warning.
    """
    text = shown(name, most=_WIDEST)
    fonts = _fonts().values()
    return "".join(c if any(x.get_char_index(ord(c)) for x in fonts) else escaped(c) for c in text)


def time_axis(axes: Axes, start: float, end: float, *, hours: bool | None = None) -> None:
    """Set an axis to *start* and *end*, with round times; *hours* is passed to `ticks`."""
    marks = ticks(start, end, most=12, hours=hours)
    axes.set_xlim(start, end)
    axes.set_xticks([time for time, _ in marks], [name for _, name in marks], fontsize=8)


def heading(figure: Figure, text: str) -> None:
    """Add a heading at the top left."""
    figure.suptitle(text, x=0.01, ha="left", fontsize=10)


def key(figure: Figure, colours: Mapping[str, str], **extra: Mapping[str, Any]) -> None:
    """Add a legend of label colours at the bottom; *extra* are further styles by name."""
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=text_of(label)) for label, colour in colours.items()]
    handles += [Patch(label=label, **style) for label, style in extra.items()]
    if handles:
        columns = min(len(handles), max(1, int(figure.get_figwidth() / 1.15)))
        style = {"frameon": False, "fontsize": 8, "handlelength": 1.4, "columnspacing": 1.2}
        figure.legend(handles=handles, loc="outside lower center", ncols=columns, **style)


def rendered(figure: Figure, *, suffix: str) -> bytes:
    """Return a picture as the bytes of a file; the same picture gives the same bytes.

    Args:
        figure: A matplotlib figure.
        suffix: One of `SUFFIXES`, case-insensitive.

    Raises:
        OptionsError: If the suffix is unknown.
    """
    import matplotlib as mpl

    kind = suffix.lower()
    if kind not in SUFFIXES:
        raise OptionsError(f"expected a picture file {', '.join(SUFFIXES)}, got {suffix!r}")
    content = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "emo2vec", "pdf.fonttype": 42}):
        figure.savefig(content, format=kind[1:], dpi=DPI, metadata=dict(_UNTIMED[kind]))
    return content.getvalue()


# No dates and no versions of tools, so that the same picture gives the same file.
_UNTIMED: Mapping[str, Mapping[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a picture as PNG, SVG or PDF; the same picture gives the same file.

    Args:
        figure: A matplotlib figure.
        path: The suffix selects the format.

    Raises:
        OptionsError: If the suffix of *path* is unknown.
        OverwriteError: If the file must not be replaced.
        OSError: If the file cannot be written.
    """
    write_whole(Path(path), rendered(figure, suffix=Path(path).suffix))
