"""Stand-ins for mmcv's compiled operators."""


def install() -> None:
    """Put the stand-ins in place where mmcv has no operators of its own."""
