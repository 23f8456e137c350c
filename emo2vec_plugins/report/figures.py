"""What all pictures share: fonts, names as they are, a legend, and files that can be made again.

matplotlib is imported inside functions, and never pyplot: no window, no global state. Settings of
the user's own apply but for those that would change what a text says.
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
from emo2vec_plugins.report.style import escaped, shortened, shown, ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
"""What files of pictures end in."""

DPI = 150
GREY, FAINT = "#777777", "#f2f2f2"
_WIDEST = 28  # characters of a name beside a lane

# DejaVu Sans comes with matplotlib; the others are asked for what it lacks, if they are installed.
_FAMILIES = (
    *("DejaVu Sans", "Noto Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC"),
    *("Noto Sans JP", "Noto Sans KR", "Noto Sans Devanagari", "Noto Sans Thai", "Noto Emoji"),
    *("WenQuanYi Zen Hei", "Droid Sans Fallback", "Source Han Sans SC", "Symbola"),
    *("Hiragino Sans", "Apple SD Gothic Neo", "PingFang SC", "Arial Unicode MS"),
    *("Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Nirmala UI", "Segoe UI Symbol"),
)


@contextmanager
def drawing() -> Iterator[None]:
    """Let the block make figures: texts in it mean what they say, in fonts that have them.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    mpl = import_extra("matplotlib", extra="pictures", purpose="a picture")
    plain = {
        "font.family": list(_fonts()),
        "text.parse_math": False,  # a speaker may be called $x$
        "text.usetex": False,
        "hatch.linewidth": 0.6,
    }
    with mpl.rc_context(plain):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return a figure of so many inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


@cache
def _fonts() -> Mapping[str, Any]:
    """Return the fonts that are installed, by family."""
    from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

    installed = set(fontManager.get_font_names())
    there = [family for family in _FAMILIES if family in installed]
    return {name: get_font(findfont(FontProperties(family=[name]))) for name in there}


def text_of(name: str | None) -> str:
    r"""Return a name as it can be drawn: a character that no font has as its escape, ``\u5f20``.

    matplotlib would draw the same box for each of them, and warn of it.
    """
    text = shortened(shown(name), most=_WIDEST)
    fonts = _fonts().values()
    return "".join(c if any(x.get_char_index(ord(c)) for x in fonts) else escaped(c) for c in text)


def time_axis(axes: Axes, start: float, end: float, *, hours: bool | None = None) -> None:
    """Let an axis run from *start* to *end*, with round times on it; *hours* as for `ticks`."""
    marks = ticks(start, end, most=12, hours=hours)
    axes.set_xlim(start, end)
    axes.set_xticks([time for time, _ in marks], [name for _, name in marks], fontsize=8)


def heading(figure: Figure, text: str) -> None:
    """Write above all, on the left."""
    figure.suptitle(text, x=0.01, ha="left", fontsize=10)


def key(figure: Figure, colours: Mapping[str, str], **extra: Mapping[str, Any]) -> None:
    """Write below all which colour is which label; *extra* are other styles by name."""
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=text_of(label)) for label, colour in colours.items()]
    handles += [Patch(label=label, **style) for label, style in extra.items()]
    if handles:
        columns = min(len(handles), max(1, int(figure.get_figwidth() / 1.15)))
        style = {"frameon": False, "fontsize": 8, "handlelength": 1.4, "columnspacing": 1.2}
        figure.legend(handles=handles, loc="outside lower center", ncols=columns, **style)


def rendered(figure: Figure, *, suffix: str) -> bytes:
    """Return what a file of a picture holds; the same picture gives the same bytes.

    Args:
        figure: Of matplotlib.
        suffix: One of `SUFFIXES`, in any case.

    Raises:
        OptionsError: If it is another one.
    """
    import matplotlib as mpl

    kind = suffix.lower()
    if kind not in SUFFIXES:
        raise OptionsError(f"pictures are {', '.join(SUFFIXES)} files, got {suffix!r}")
    content = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "emo2vec", "pdf.fonttype": 42}):
        figure.savefig(content, format=kind[1:], dpi=DPI, metadata=dict(_UNTIMED[kind]))
    return content.getvalue()


# Neither when nor by which version of what: a picture that is made again is to be the same file.
_UNTIMED: Mapping[str, Mapping[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a picture as PNG, SVG or PDF, as *path* ends; the same picture gives the same file.

    Raises:
        OptionsError: If *path* ends in something else.
        OSError: If the file cannot be written.
    """
    write_whole(Path(path), rendered(figure, suffix=Path(path).suffix))
