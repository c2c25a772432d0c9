"""Pictures and pages of runs, for ``tools/analysis`` and ``tools/visualize_views.py``."""
