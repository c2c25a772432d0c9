from .auxiliary_neck import AuxiliaryNeck
from .light_branches import ConvBranch, TransformerBranch

__all__ = ['AuxiliaryNeck', 'ConvBranch', 'TransformerBranch']
