from .auxiliary_neck import AuxiliaryNeck
from .branches import ConvBranch, TransformerBranch

__all__ = ['AuxiliaryNeck', 'ConvBranch', 'TransformerBranch']
