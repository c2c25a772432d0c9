from .ssa_classifier import SSAClassifier

__all__ = ['SSAClassifier']
