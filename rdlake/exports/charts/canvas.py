"""Make pictures on one figure that is used again: equal rows give equal bytes."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from hashlib import sha256
from io import BytesIO, StringIO
from pathlib import Path
from types import TracebackType
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

INCHES, DOTS = (7.2, 3.6), 100
MARGINS = {"left": 0.09, "right": 0.95, "bottom": 0.1, "top": 0.92}
PACKING, COLOURS, UNMIXED = 6, 64, Image.Dither.NONE
"""64 colours take a quarter of the bytes of all colours, and no more time."""
LATIN = "DejaVu Sans"
"""It comes with matplotlib, so every machine has the same letters."""
CHINESE = re.compile(
    r"(noto|source han) ?(sans|serif).*(cjk|sc|cn|jp)|wenquanyi|wqy|microsoft yahei|simhei|simsun"
    r"|pingfang|heiti|hiragino sans gb|droid sans fallback",
    re.IGNORECASE,
)
STYLE: Mapping[Any, Any] = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "axes.unicode_minus": True,
    "font.size": 8,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "svg.hashsalt": "rdlake",
}
SVG_METADATA = ("Creator", "Date", "Format", "Type")
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)


class Canvas:
    """Make pictures while it is open; the machine's own matplotlib style does not count."""

    def __enter__(self) -> Canvas:
        self._open = ExitStack()
        self._open.enter_context(mpl.rc_context())
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        self._figure = Figure(figsize=INCHES, dpi=DOTS)
        self._figure.subplots_adjust(**MARGINS)
        self._agg = FigureCanvasAgg(self._figure)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def picture(self, plot: Callable[[Axes], Axes], title: str | None = None) -> bytes:
        """Return a PNG of what `plot` draws.

        Chinese letters in a title are shown if a font has them, else as boxes.
        """
        beyond = title is not None and not title.isascii()
        mpl.rcParams["font.family"] = [LATIN, *(_chinese_fonts() if beyond else ())]
        axes = plot(self._figure.add_subplot())
        if title is not None:
            axes.set_title(title, loc="left", parse_math=False)
        with _quiet():
            self._agg.draw()  # type: ignore[no-untyped-call]
        axes.remove()
        pixels = np.asarray(self._agg.buffer_rgba())  # type: ignore[no-untyped-call]
        picture = Image.fromarray(pixels).convert("RGB")
        return _encode_png(picture.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=UNMIXED))

    def drawing(self, plot: Callable[[Axes], Axes]) -> str:
        """Return an SVG of what `plot` draws, to stand in a page.

        Letters are outlines, it fills the width of its place, and it has no links. Its ids begin
        with its digest, so two drawings can stand in one page.
        """
        mpl.rcParams["font.family"] = [LATIN]
        axes = plot(self._figure.add_subplot())
        content = StringIO()
        with _quiet():
            self._figure.savefig(content, format="svg", metadata=dict.fromkeys(SVG_METADATA))
        axes.remove()
        return _inline_svg(content.getvalue())


def _inline_svg(document: str) -> str:
    """Return the SVG element alone, with ids that are unique in a page."""
    text = _METADATA.sub("", document[document.index("<svg") :])
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text)
    prefix = f"s{sha256(text.encode()).hexdigest()[:8]}-"
    text = re.sub(r'\bid="', f'id="{prefix}', text)
    text = re.sub(r'href="#', f'href="#{prefix}', text)
    return text.replace("url(#", f"url(#{prefix}").strip()


def _encode_png(picture: Image.Image) -> bytes:
    """Return the picture as PNG with a white background.

    With fewer colours the background would be a shade darker than white.
    """
    palette, corner = picture.getpalette() or [], picture.getpixel((0, 0))
    assert isinstance(corner, int)
    palette[3 * corner : 3 * corner + 3] = [255, 255, 255]
    picture.putpalette(palette)
    content = BytesIO()
    picture.save(content, format="PNG", compress_level=PACKING)
    return content.getvalue()


@cache
def _chinese_fonts() -> tuple[str, ...]:
    """Return a font family with Chinese letters; look also for fonts installed since matplotlib
    last looked."""
    if not any(CHINESE.search(font.name) for font in font_manager.fontManager.ttflist):
        for path in font_manager.findSystemFonts():
            if CHINESE.search(re.sub(r"(?<=[a-z])(?=[A-Z])|[-_]", " ", Path(path).stem)):
                font_manager.fontManager.addfont(path)
    known = {font.name for font in font_manager.fontManager.ttflist}
    return tuple(sorted(name for name in known if CHINESE.search(name)))[:1]


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the warning for each letter that no font has."""
    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            yield
    finally:
        log.setLevel(level)
