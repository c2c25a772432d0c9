"""Damaged inputs of every kind but checkpoints (those are in damage.py), and what became of each."""

import contextlib
import gc
import json
import random
import re
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, List, Sequence

import cv2
import damage
import detection_data
import torch
from fashion_data import make_fashion
from mmcv.transforms import Compose
from mmpretrain.structures import DataSample
from processes import call

from mmhssakd.datasets.idx_files import check_idx_files
from mmhssakd.datasets.image_files import BrokenImageError
from mmhssakd.engine.runner import check_images
from mmhssakd.experiments import make_sweep, read_sweep
from mmhssakd.models.distillers.teacher_cache import TeacherCache
from mmhssakd.models.losses.terms import Logits
from mmhssakd.registry import DATASETS

OURS = (ValueError, FileNotFoundError, BrokenImageError, SystemExit)  # exactly these: KeyError and its like are raw
NONSENSE = json.loads(
    '[-1, 0, 1, 0.5, Infinity, NaN, 1%s, "", "x", "\\u0000", "ä", "../..", null, true, [], {}, [[]], [1, 2], {"a": 1}]'
    % ('0' * 20)
)
TOKENS = re.compile(r'\s+|[\w.+-]+|.', re.DOTALL)


def retype(data: bytearray, draw: random.Random) -> None:
    """Words of a text are left out, said twice, put elsewhere, or replaced by others and by nonsense."""
    words = TOKENS.findall(data.decode('utf-8', 'surrogateescape'))
    for _ in range(draw.choice((1, 1, 2, 5))):
        place = draw.randrange(len(words))
        new = (
            [words[place]] * 2,
            [],
            [draw.choice(words)],
            [str(draw.choice(NONSENSE))],
            [json.dumps(draw.choice(NONSENSE))],
        )
        words[place : place + 1] = draw.choice(new)
        words = words or ['']
    data[:] = ''.join(words).encode('utf-8', 'surrogateescape')


def graft(data: bytearray, draw: random.Random) -> None:
    """Values of a JSON file are left out, or replaced by others of it and by nonsense."""
    try:
        content = json.loads(data)
    except ValueError:  # an image
        return damage.noise(data, draw)
    places: List[tuple] = []

    def visit(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
            places.append((node, key))
            visit(node[key])

    visit(content)
    for _ in range(draw.choice((1, 1, 2, 5))):
        (node, key), (other, name) = draw.sample(places, 2)
        try:
            if draw.random() < 0.2:
                del node[key]
            else:
                node[key] = draw.choice((draw.choice(NONSENSE), json.loads(json.dumps(other[name]))))
        except (IndexError, KeyError):  # gone before
            pass
    data[:] = json.dumps(content).encode()


@dataclass
class Kind:
    """Files of a kind.

    Args:
        files (list[Path]): One of them is damaged each time.
        read (Callable): Returns what all of them mean, and raises AssertionError if that makes no sense.
        damages (Sequence[Callable]): What is done to a file's bytes.
        sums (bool): There are checksums: damage is noticed, or changes nothing.
    """

    files: Sequence[Path]
    read: Callable[[], Any]
    damages: Sequence[Callable] = damage.KINDS
    sums: bool = False


def image(folder: Path, name: str) -> Kind:
    assert cv2.imwrite(str(folder / name), detection_data.image((24, 32, 3)))
    pipeline = Compose(check_images([dict(type='LoadImageFromFile'), dict(type='mmpretrain.PackInputs')]))
    read = lambda: pipeline(dict(img_path=str(folder / name)))['inputs']  # noqa: E731
    return Kind([folder / name], read, sums=name.endswith('.png'))


def boxes(folder: Path, form: str) -> Kind:
    root = detection_data.FOLDERS[form](folder / 'data')

    def read() -> list:
        dataset = DATASETS.build(dict(type='DetectionFolder', data_root=str(root), pipeline=[]))
        found = [dataset.get_data_info(i) for i in range(len(dataset))]
        for info in found:
            assert Path(info['img_path']).is_file(), info
            for box in info['instances']:
                x1, y1, x2, y2 = box['bbox']
                assert 0 <= x1 < x2 <= info['width'] and 0 <= y1 < y2 <= info['height'], (info, box)
                assert box['bbox_label'] in range(len(dataset.metainfo['classes'])), box
        return [found, dataset.metainfo['classes']]

    files = [file for file in sorted(root.rglob('*.*')) if not re.search(r'/val|val2017|test\.txt', str(file))]
    files += [file for file in files if file.suffix != '.jpg'] * 3
    return Kind(files, read, (*damage.KINDS, *[graft if form == 'coco' else retype] * 4))


def idx(folder: Path) -> Kind:
    make_fashion(folder, train=4, test=4)

    def read() -> list:
        check_idx_files(str(folder), 'data_root')
        dataset = DATASETS.build(
            dict(type='mmpretrain.FashionMNIST', data_root=str(folder), split='train', download=False, pipeline=[])
        )
        return [(info['img'], int(info['gt_label'])) for info in map(dataset.get_data_info, range(len(dataset)))]

    return Kind(sorted(folder.glob('*-ubyte')), read)


def packed(folder: Path) -> Kind:
    make_fashion(folder, train=4, test=4, packed=True)

    def read() -> list:
        for file in folder.glob('out/*'):
            file.unlink()
        with contextlib.redirect_stdout(None):
            call('dataset_converters/prepare_fashion_mnist.py', '--source', folder, '--out', folder / 'out')
        return [file.read_bytes() for file in sorted(folder.glob('out/*'))]

    return Kind(sorted(folder.glob('*.gz')), read, sums=True)


def teach(views: torch.Tensor) -> Logits:
    """A teacher of 5 classes and one branch on 2 views."""
    p = views.flatten(1)[:, :5]
    return Logits(p, [torch.cat([p, -p], dim=1)])


def cache(folder: Path) -> Kind:
    file, views = folder / 'teacher.npy', torch.randn(6 * 2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    samples = [DataSample(metainfo=dict(crop=(i, 6))) for i in range(6)]

    def read() -> list:
        logits = TeacherCache(str(file), 2)(teach, views, samples)
        return [logits.p, *logits.q]

    read()
    return Kind([file], read, sums=True)


def sweep(folder: Path) -> Kind:
    (folder / 'config.py').write_text('model = dict(backbone=dict(frozen_stages=1))')
    config, needs = str(folder / 'config.py'), {'model.teacher.checkpoint': 'teacher'}
    arms = {
        'teacher': {'seed': 0, 'folder': 'teacher'},
        'CE': {'random_start': True},
        'KD': {'needs': needs, 'a.b': [1, 2]},
    }
    base = dict(title='a', config=config, options={'seed': '{seed}'}, baseline=['CE'], arms=arms)
    (folder / 'base.json').write_text(json.dumps(base))
    more = dict(_base_='./base.json', seeds=[0, 1], arms={'KD': {'final': {'x': 1}, 'metric': 'top1'}}, work_dir='w')
    (folder / 'sweep.json').write_text(json.dumps(dict(more, final={'y': 2}, processes=2)))

    def read() -> list:
        found = read_sweep(folder / 'sweep.json')
        made = make_sweep(found, found['seeds'], ledger=folder / 'ledger')
        for trial in made.trials:
            assert trial.root / 'x' and trial.command and trial.hash
            assert isinstance(trial.seed, int) and isinstance(trial.options, dict) and isinstance(trial.folder, str)
        trials = [
            [t.name, t.config, str(t.work_dir), t.seed, t.options, str(t.needs), t.processes] for t in made.trials
        ]
        return [made.title, list(made.baselines), trials]

    return Kind([folder / 'base.json', folder / 'sweep.json'], read, (*damage.KINDS, retype, *[graft] * 8))


KINDS = {
    'JPEG': lambda folder: image(folder, 'a.jpg'),
    'PNG': lambda folder: image(folder, 'a.png'),
    'VOC': lambda folder: boxes(folder, 'voc'),
    'COCO': lambda folder: boxes(folder, 'coco'),
    'YOLO': lambda folder: boxes(folder, 'yolo'),
    'IDX': idx,
    'packed IDX': packed,
    'teacher outputs': cache,
    'sweep file': sweep,
}


def is_ours(error: BaseException, folder: Path) -> bool:
    """Whether an error says where it is: it names a file, or is raised by a statement of ours."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    raised = (last.line or '').startswith('raise ') and 'mmhssakd' in last.filename
    mmcvs = str(error).startswith('failed to load image: ')  # AssertionError
    return (type(error) in OURS and (raised or str(folder) in str(error))) or mmcvs


def fuzz(name: str, folder: Path, count: int, seed: int = 0) -> Counter:
    """Read so many damaged inputs of a kind, the same ones for the same seed.

    Returns:
        Counter: How many were 'refused' as our messages do; read with the 'same' or with 'other' values; or ended in an
            exception that is not ours, or in values that make no sense, by its text.
    """
    kind, draw, outcomes = KINDS[name](folder), random.Random(f'{name}, {seed}'), Counter()
    meaning = kind.read()
    assert damage.equal(kind.read(), meaning)
    gc.freeze()  # mmengine's data sets collect garbage as they are built: of so little it is quick
    for i in range(count):
        file = draw.choice(kind.files)
        original = file.read_bytes()
        data = bytearray(original)
        kind.damages[i % len(kind.damages)](data, draw)
        file.write_bytes(data)
        try:
            outcomes['same' if damage.equal(kind.read(), meaning) else 'OTHER' if kind.sums else 'other'] += 1
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            outcomes['refused' if is_ours(error, folder) else repr(error)[:200]] += 1
        file.unlink()  # it may be mapped
        file.write_bytes(original)
    gc.unfreeze()
    return outcomes
