"""The one place that knows other packages' versions and private names."""


def prepare() -> None:
    """Check the installed packages, and add what they lack; call it before mmdet or mmpretrain is imported.

    Raises:
        ImportError: A package is missing, of the wrong version, or of another stack than the others.
    """
    from . import stacks

    stacks.check()

    from . import operators, safe_loading  # they import what was checked

    operators.install()
    safe_loading.install()
