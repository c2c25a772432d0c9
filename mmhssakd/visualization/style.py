"""Colors, figures and number formats that all pictures share."""

import base64
import io
from typing import Any, Tuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe and Ito's colors: told apart under every common color blindness. Yellow is left out: too pale for lines.
COLORS = ('#0072B2', '#E69F00', '#009E73', '#CC79A7', '#D55E00', '#56B4E9', '#000000')
DASHES = ('-', '--', '-.', ':')
MARKERS = 'osD^vPX'
RIGHT, WRONG = '#0072B2', '#D55E00'


def look(i: int) -> dict:
    """Color, dashes and marker of the i-th of several things; the dashes change when the colors are used up."""
    return dict(
        color=COLORS[i % len(COLORS)],
        linestyle=DASHES[i // len(COLORS) % len(DASHES)],
        marker=MARKERS[i % len(MARKERS)],
    )


def new_figure(rows: int, columns: int, size: Tuple[float, float]) -> Tuple[Figure, np.ndarray]:
    """Make a figure without any window system.

    Args:
        rows (int): Rows of axes.
        columns (int): Columns of axes.
        size (tuple[float, float]): Width and height of one of them, in inches.

    Returns:
        tuple: The figure, and its axes as an array (rows, columns).
    """
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout='constrained')
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def show_image(axis: Any, image: np.ndarray, title: str = '', color: str = 'black') -> None:
    """Draw an RGB image (H, W, 3) without ticks, with a small title."""
    axis.imshow(image)
    axis.set(xticks=[], yticks=[])
    axis.set_title(title, fontsize=8, color=color)


def png_base64(figure: Figure, dpi: int = 110) -> str:
    """The figure as a PNG in base64, to be embedded in a page."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png', dpi=dpi)
    return base64.b64encode(buffer.getvalue()).decode()
