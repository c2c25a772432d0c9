"""Type the README's commands for ImageNet, detection and several GPUs, on small folders in those layouts.

    python tests/slow/readme_commands.py

It works in a copy of the project, in which epochs, images and process counts are few. Pictures are Fashion-MNIST's and
scenes of them (tools/quickstart.sh fetches and makes them). Published weights are random ones, put where a download
would be. Commands for Slurm and for two machines have scripts of their own beside this one.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Iterator, Sequence

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import torch  # noqa: E402
from mmengine.config import Config  # noqa: E402
from mmengine.registry import DefaultScope  # noqa: E402
from mmpretrain.datasets import FashionMNIST  # noqa: E402

from mmhssakd.registry import MODELS  # noqa: E402

SECTIONS = ('ImageNet', 'Detection', 'Multiple GPUs, multiple machines')
ELSEWHERE = ('NNODES=', 'slurm', 'SRC.pth')  # machines.py and slurm.py beside this, tests of the converter
FEW = """
train_cfg = dict(max_epochs=1, val_interval=1)
train_dataloader = dict(batch_size=2, num_workers=1, dataset=dict(indices=4))
val_dataloader = dict(batch_size=4, num_workers=1, dataset=dict(indices=4))
test_dataloader = val_dataloader
"""
SHORT = {  # what is added to the end of a config; those that inherit it have it, too
    'teacher_r34_imagenet.py': FEW,
    'hssakd_r18_imagenet.py': FEW,
    # a quarter of the images in a step, and a backbone that has hardly learned
    'detection/faster-rcnn_r18_fpn_voc0712.py': 'train_cfg = dict(max_epochs=1)\n'
    'optim_wrapper = dict(optimizer=dict(lr=0.001))\n',
    'fashion_mnist/ce_r8.py': 'train_dataloader = dict(dataset=dict(num_images=100))\ntrain_cfg = dict(max_epochs=2)\n'
    'param_scheduler = dict(total_steps=2, end=2)\n',
    'fashion_mnist/teacher_r8.py': 'train_dataloader = dict(dataset=dict(num_images=100))\n',
    'detection/faster-rcnn_r8_fpn_fashion-scenes.py': 'train_cfg = dict(max_epochs=1, val_interval=1)\n',
}


def commands() -> Iterator[str]:
    """The commands of the README's sections."""
    for section in re.split(r'^## ', (ROOT / 'README.md').read_text(), flags=re.M):
        if section.split('\n')[0] in SECTIONS:
            for block in re.findall(r'^```bash\n(.*?)^```', section, re.S | re.M):
                yield from (line.split('  #')[0].strip() for line in block.replace('\\\n', '').splitlines())


def copy_project(folder: Path) -> None:
    """Copy what git tracks, and shorten it."""
    files = subprocess.run(['git', 'ls-files'], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, folder / file)
    for file in (folder / 'configs').rglob('*.py'):
        text = file.read_text().replace('epoch_100.pth', 'epoch_1.pth')
        file.write_text(text + SHORT.get(str(file.relative_to(folder / 'configs')), ''))
    paper = folder / 'configs/sweeps/paper.json'
    paper.write_text(paper.read_text().replace('"processes": 8', '"processes": 2'))


def make_imagenet(root: Path) -> None:
    """A picture in each of ImageNet's folders; their names do not matter, their number does."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        pictures = FashionMNIST(data_root=str(ROOT / 'data/fashion-mnist'), split='test', test_mode=True)
        for split in ('train', 'val'):
            for i in range(1000):
                (root / split / f'n{i:08d}').mkdir(parents=True)
                cv2.imwrite(str(root / split / f'n{i:08d}/0.JPEG'), cv2.resize(pictures[i]['img'], (64, 64)))


def make_voc(root: Path, names: Sequence[str], number: int = 2) -> None:
    """A few scenes, whose articles have other names."""
    scenes = ROOT / 'data/fashion-scenes'
    articles = FashionMNIST.METAINFO['classes']
    for split in ('trainval', 'test'):
        stems = (scenes / f'ImageSets/Main/{split}.txt').read_text().split()[:number]
        (root / 'ImageSets/Main').mkdir(parents=True, exist_ok=True)
        (root / f'ImageSets/Main/{split}.txt').write_text('\n'.join(stems))
        for stem in stems:
            for kind, end in (('JPEGImages', '*'), ('Annotations', '.xml')):
                (root / kind).mkdir(exist_ok=True)
                file = next(scenes.glob(f'{kind}/{stem}{end}'))
                shutil.copy(file, root / kind)
            text = (root / f'Annotations/{stem}.xml').read_text()
            for i, article in enumerate(articles):
                text = text.replace(f'<name>{article}</name>', f'<name>{names[i % len(names)]}</name>')
            (root / f'Annotations/{stem}.xml').write_text(text)


def save(config: Config, file: Path, **changes: object) -> None:
    """A checkpoint of a config's model, at random."""
    model = dict(config.model, **changes)
    model.setdefault('data_preprocessor', config.get('data_preprocessor'))
    file.parent.mkdir(parents=True, exist_ok=True)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        torch.save(dict(state_dict=MODELS.build(model).state_dict(), meta=dict()), file)


def make_weights(folder: Path) -> None:
    """Published weights, the quickstart's students, and a student's checkpoint."""
    published = Config.fromfile(ROOT / 'configs/_base_/published.py')
    for depth in (18, 34):
        cfg = Config.fromfile(ROOT / f'configs/{"hssakd_r18" if depth == 18 else "teacher_r34"}_imagenet.py')
        plain = dict(type='ImageClassifier', backbone=cfg.model.backbone, neck=cfg.model.neck, head=cfg.model.head)
        file = published[f'published_r{depth}'].rsplit('/', 1)[1]
        save(Config(dict(model=plain)), folder / 'home/hub/checkpoints' / file)
    shutil.copy(folder / 'home/hub/checkpoints' / published.published_r18.rsplit('/', 1)[1], folder / 'student.pth')
    for name in ('ce', 'kd', 'hssakd'):
        cfg = Config.fromfile(ROOT / f'configs/fashion_mnist/{name}_r8.py')
        for seed in range(3):
            save(
                cfg,
                folder / f'work_dirs/quickstart/seed_{seed}/{name}_r8/epoch_80.pth',
                **({} if name == 'ce' else dict(teacher=None)),
            )


def shortened(command: str) -> str:
    """The command as it is typed here: 2 processes for 8, 1 for 4, no placeholders."""
    command = re.sub(r'(dist_\w+\.sh \S+) 8', r'\1 2', command).replace('--processes 4', '--processes 1')
    return re.sub(r'epoch_\d+.pth', 'epoch_1.pth', command.replace('CHECKPOINT.pth', 'student.pth'))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', default='', help='only commands that hold this text')
    args = parser.parse_args()
    from mmdet.datasets import VOCDataset  # which needs mmcv's operators, and so mmhssakd before it

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_project(folder)
        make_imagenet(folder / 'data/imagenet')
        for year in ('VOC2007', 'VOC2012'):
            make_voc(folder / 'data/VOCdevkit' / year, VOCDataset.METAINFO['classes'])
        make_voc(folder / 'data/mine', ['cat', 'dog'])
        make_voc(folder / 'data/BCCD', ['RBC', 'WBC', 'Platelets'])
        for data in ('fashion-mnist', 'fashion-scenes'):
            (folder / 'data' / data).symlink_to(ROOT / 'data' / data)
        make_weights(folder)
        path = f'{Path(sys.executable).parent}:{os.environ["PATH"]}'
        env = dict(os.environ, PATH=path, MMHSSAKD_PYTHON=sys.executable, PYTHONPATH=name, TORCH_HOME=f'{name}/home')
        failed = 0
        for command in commands():
            if not command or command.startswith('#') or any(word in command for word in ELSEWHERE):
                continue
            if args.only in command:
                begin, typed = time.time(), shortened(command)
                done = subprocess.run(['bash', '-c', typed], cwd=folder, env=env, capture_output=True, text=True)
                print(f'{"failed" if done.returncode else "ok":7s}{time.time() - begin:5.0f} s  {typed}', flush=True)
                if done.returncode:
                    failed += 1
                    print((done.stdout + done.stderr)[-3000:], flush=True)
        sys.exit(failed)


if __name__ == '__main__':
    main()
