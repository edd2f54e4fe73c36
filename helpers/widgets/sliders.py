"""A figure under a row of sliders, drawn anew when one moves."""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


#: What a page shows as a widget.
_VIEW = "application/vnd.jupyter.widget-view+json"

#: Room for what a slider says beside it: as a rule that is cut off after nine letters.
_WIDE = "<style>.wide-readouts .widget-readout {min-width: 8em; max-width: none}</style>"


def with_sliders(draw: Callable[..., Figure], choices: Mapping[str, Sequence[Any]]) -> None:
    """Shows `draw(name=value, …)` with a slider for each name over its values.

    The first value of each is where its slider starts. What is shown holds the figure of these
    values as an image as well: pages that run no widgets show that. Without ipywidgets it is all.
    """
    from IPython.display import display

    start = {name: values[0] for name, values in choices.items()}
    still = _png(draw(**start))
    shown: dict[str, Any] = {"image/png": base64.b64encode(still).decode()}
    try:
        import ipywidgets
    except ImportError:
        display(shown, raw=True)
        return
    sliders = {
        name: ipywidgets.SelectionSlider(
            options=sorted(values),
            value=values[0],
            description=name,
            continuous_update=False,
            layout={"width": "26em", "max_width": "100%"},
        )
        for name, values in choices.items()
    }
    picture = ipywidgets.Image(value=still, format="png", layout={"max_width": "100%"})

    def redraw(_change: object) -> None:
        picture.value = _png(draw(**{name: slider.value for name, slider in sliders.items()}))

    for slider in sliders.values():
        slider.observe(redraw, names="value")
    box = ipywidgets.VBox([ipywidgets.HTML(_WIDE), *sliders.values(), picture])
    box.add_class("wide-readouts")
    # Written out, as ipywidgets 7 (Colab's) and 8 give it in different ways.
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    bundle = {"text/plain": "A picture with sliders", _VIEW: view}
    # JupyterLab takes the sliders where it can show both; Colab, which always can, gets no choice.
    display(bundle if "google.colab" in sys.modules else bundle | shown, raw=True)


def _png(figure: Figure) -> bytes:
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    return buffer.getvalue()
