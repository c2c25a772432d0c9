"""Colors and figures that all pictures share."""

from typing import Any, Tuple

import numpy as np
from matplotlib.figure import Figure

# Okabe and Ito's colors: told apart under every common color blindness. Yellow is left out: too pale for lines.
COLORS = ('#0072B2', '#E69F00', '#009E73', '#CC79A7', '#D55E00', '#56B4E9', '#000000')
DASHES = ('-', '--', '-.', ':')
MARKERS = 'osD^vPX'
RIGHT, WRONG = '#0072B2', '#D55E00'


def look(i: int) -> dict:
    """Color, dashes and marker of the i-th of several things; dashes and filling change when the colors are used up."""
    turn, j = divmod(i, len(COLORS))
    filling = 'none' if turn % 2 else 'full'
    return dict(color=COLORS[j], linestyle=DASHES[turn % len(DASHES)], marker=MARKERS[j], fillstyle=filling)


def new_figure(rows: int, columns: int, size: Tuple[float, float]) -> Tuple[Figure, np.ndarray]:
    """Make a figure without any window system, and its axes (rows, columns), each of a size in inches."""
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout='constrained')
    return figure, figure.subplots(rows, columns, squeeze=False)


def show_image(axis: Any, image: np.ndarray, title: str = '', color: str = 'black') -> None:
    """Draw an RGB image (H, W, 3) without ticks, with a small title."""
    axis.imshow(image)
    axis.set(xticks=[], yticks=[])
    axis.set_title(title, fontsize=8, color=color)
