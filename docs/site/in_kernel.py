"""Runs in a notebook's kernel before its cells: pictures sharp, and with their titles as text."""

from typing import Any

import matplotlib_inline.backend_inline
from IPython.core.getipython import get_ipython
from IPython.core.pylabtools import retina_figure
from matplotlib.figure import Figure


def _described(figure):
    """The picture at twice the resolution; its metadata has the width and an `alt` text.

    A title of the course's pictures states what is to be seen. Where there is none, the axes say
    what is drawn.
    """
    data, size = retina_figure(figure, base64=True)
    places = [figure.get_suptitle()]
    for axes in figure.axes:
        places += [axes.get_title(loc=place) for place in ("left", "center", "right")]
    titles = [title for title in places if title]
    if not titles:
        titles = [
            f"{axes.get_ylabel()} against {axes.get_xlabel()}"
            for axes in figure.axes
            if axes.get_xlabel() and axes.get_ylabel()
        ]
    text = "; ".join(" ".join(title.split()) for title in titles) or "a drawing without a title"
    return data, {"width": size["width"], "alt": text}


_shell: Any = get_ipython()
_shell.run_line_magic("matplotlib", "inline")
matplotlib_inline.backend_inline.configure_inline_support(
    _shell, "module://matplotlib_inline.backend_inline"
)
_shell.display_formatter.formatters["image/png"].for_type(Figure, _described)
