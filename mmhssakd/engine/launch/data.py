"""Find out whether the data are there before anything is built."""

import os.path as osp
import socket
from typing import Dict, List, Sequence

from mmengine.config import Config

from mmhssakd.datasets.detection_folder import folder_classes
from mmhssakd.datasets.idx_files import check_idx_files
from mmhssakd.engine.runner import bare
from .keys import places_of
from .options import parts_with_data, set_classes, shared_root, walk

DOWNLOADED = ('MNIST', 'FashionMNIST', 'CIFAR10', 'CIFAR100')  # data sets of mmpretrain that fetch themselves
VOC = dict(img_subdir='JPEGImages', ann_subdir='Annotations')  # mmdet's options of a data set in VOC's layout


def check_data(cfg: Config, loaders: Sequence[str]) -> None:
    """Check that the files and folders that data loaders read are there.

    Args:
        cfg (Config): The config.
        loaders (Sequence[str]): Keys of its data loaders.

    Raises:
        FileNotFoundError: Some are not; the message shows all that are expected.
        ValueError: Files of MNIST's format are damaged or do not fit each other.
    """
    there: Dict[str, bool] = {}
    incomplete: List[str] = []
    for key, dataset in (place for name in loaders for place in places_of('data_root', cfg.get(name), name)):
        root, kind = dataset['data_root'], dataset.get('type')
        if kind in ('MNIST', 'FashionMNIST') and root:
            check_idx_files(root, key)
        elif kind not in DOWNLOADED and root and '://' not in root:
            paths = {path: osp.exists(path) for path in expected(dataset)}
            incomplete += [] if all(paths.values()) else [key]
            there.update(paths)
    if incomplete:
        options = ['data_root'] if shared_root(cfg) else incomplete
        tree = '\n'.join(f'  {"      " if found else "missing"}  {path}' for path, found in sorted(there.items()))
        raise FileNotFoundError(
            f'{incomplete[0]}: the data set is not complete on {socket.gethostname()}. These are read:\n{tree}\nPut or '
            'link the data set there, or say where it is: --cfg-options ' + ' '.join(f'{key}=FOLDER' for key in options)
        )


def find_classes(cfg: Config, loaders: Sequence[str]) -> None:
    """Let the classes that a :class:`DetectionFolder` finds in its folder reach the heads, unless they are given."""
    for _, node in (place for name in loaders for place in walk(cfg.get(name))):
        if str(node.get('type')).endswith('DetectionFolder') and not (node.get('metainfo') or {}).get('classes'):
            more = {key: node[key] for key in ('split', 'ignore_classes') if key in node}
            set_classes(cfg, folder_classes(node['data_root'], **more))


def check_normalized_once(cfg: Config) -> None:
    """Check that a pipeline does not normalize what the model's ``data_preprocessor`` will.

    Raises:
        ValueError: It does.
    """
    images = (cfg.get('model') or {}).get('data_preprocessor') or cfg.get('data_preprocessor') or {}
    for place, node in walk(parts_with_data(cfg)):
        if bare(node.get('type')) == 'Normalize' and images.get('mean') is not None:
            raise ValueError(
                f'{place} (Normalize) and data_preprocessor.mean both normalize the images. Remove one of the two: '
                '--cfg-options data_preprocessor.mean=None data_preprocessor.std=None, or the step of the pipeline.'
            )


def expected(dataset: dict) -> List[str]:
    """Absolute paths of what a data set reads, by its config."""
    prefix = dataset.get('data_prefix') or {}
    parts = [prefix] if isinstance(prefix, str) else [path for path in prefix.values() if isinstance(path, str)]
    if isinstance(prefix, dict) and 'sub_data_root' in prefix:  # VOC's layout
        parts += [osp.join(prefix['sub_data_root'], dataset.get(key, name)) for key, name in VOC.items()]
    if dataset.get('type') == 'ImageNet' and not parts:
        parts.append(dataset.get('split', ''))
    parts += [path for path in (dataset.get('ann_file'),) if isinstance(path, str)]
    return list(dict.fromkeys(osp.normpath(osp.join(osp.abspath(dataset['data_root']), path)) for path in ['', *parts]))
