from .peers_accuracy import PeersAccuracy
from .voc_metric import VOCMetric

__all__ = ['PeersAccuracy', 'VOCMetric']
