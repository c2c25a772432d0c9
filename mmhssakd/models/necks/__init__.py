from .auxiliary_neck import AuxiliaryNeck

__all__ = ['AuxiliaryNeck']
