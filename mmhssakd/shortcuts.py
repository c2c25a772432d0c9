"""One call from a timm model and a folder of images to a student, and one from a student to a detector.

Both write configs, or options of a shipped one, and run ``tools/train.py`` on them; nothing else trains here.
"""

import subprocess
from pathlib import Path
from typing import Any, Dict, Optional, Union

import torch
from mmengine.config import Config
from mmpretrain.datasets import CustomDataset

from .apis import find_config, train_command
from .datasets import UnlabelledImages
from .engine.runner import bare
from .weights.checkpoint import read_checkpoint, tensors_of
from .weights.files import save_atomically
from .weights.foreign import unwrap
from .weights.resume import named_checkpoint

File = Union[str, Path]
SIZE = 224  # pixels: the images of the ImageNet configs, which the students inherit

DATA = """# Written by mmhssakd.distill. Edit it, then: python tools/train.py {student} --train-teacher --auto-scale-lr
_base_ = {base!r}
data = dict(type='CustomDataset', data_root={images!r})
train = dict(data, data_prefix='train', pipeline=_base_.train_pipeline)
val_dataloader = dict(dataset=dict(_delete_=True, **data, data_prefix='val', pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs={epochs})
param_scheduler = dict(_delete_=True, type='CosineAnnealingLR', T_max={epochs}, by_epoch=True)
"""
TEACHER = """data_preprocessor = dict(mean={mean}, std={std}, to_rgb=True)
model = dict(
    frozen='backbone',
    init_cfg=dict(type='Pretrained', checkpoint={weights!r}),
    backbone=dict(_delete_=True, type='mmhssakd.TimmBackbone', **{network}),
    neck=None,
    head=dict(num_classes={classes}, in_channels={channels}),
)
"""
BRANCHES = "model.update(auxiliary_neck=dict(branch=dict(type='mmhssakd.ConvBranch')))\n"
NO_BRANCHES = 'model.update(auxiliary_neck=None, views=None)  # the student has none\n'
STUDENT = """model = dict(
    head=dict(num_classes={classes}), teacher=dict(config={teacher!r}, checkpoint={checkpoint!r})
)
"""
UNLABELLED = """others = dict(type='mmhssakd.UnlabelledImages', data_root={unlabelled!r}, pipeline=train['pipeline'])
train = dict(type='ConcatDataset', ignore_keys=['classes'], datasets=[dict(train), others])
model.update(loss_weight=dict(task={share}))  # times the labeled share: the mean over fewer images is noisier
"""
LOADER = 'train_dataloader = dict(dataset=dict(_delete_=True, **train))\n'
CROPS = """train_dataloader = dict(dataset=dict(dataset=dict(_delete_=True, **train)))  # within the base's FixedCrops
model['teacher'].update(cache={cache!r})
"""


def distill(
    teacher: str,
    images: File,
    work_dir: File,
    student: str = 'hssakd_r18_imagenet',
    weights: Optional[File] = None,
    unlabelled: Optional[File] = None,
    epochs: int = 100,
    processes: int = 1,
    options: Optional[Dict[str, Any]] = None,
) -> Path:
    """Distill a timm model into a small student, on a folder of images.

    The teacher's backbone stays as it is; a linear classifier and the branches are trained on it first. The two
    configs, ``teacher.py`` and ``student.py``, are in ``work_dir``. After an interruption the same call goes on.

    Args:
        teacher (str): Name of a timm model, as in ``timm.list_pretrained()``, or a config file of a teacher.
        images (str): Folder with ``train`` and ``val``, each with one folder of images for each class.
        work_dir (str): Folder for configs, logs and checkpoints.
        student (str): Name of a shipped config on ImageNet, see ``python -m mmhssakd list 'hssakd_*'``;
            ``hssakd_budget_r18_imagenet`` is the one for little time.
        weights (str, optional): The timm model's checkpoint file. Defaults to its published weights, downloaded.
        unlabelled (str, optional): Folder of more images, without labels, that the student trains on as well.
        epochs (int): Of the teacher's classifier, and of the student. Defaults to 100.
        processes (int): One for each GPU. Defaults to 1.
        options (dict, optional): More ``--cfg-options`` of ``tools/train.py``; those of the data and of the run's
            length hold for both trainings.

    Returns:
        Path: The student's last checkpoint.

    Raises:
        FileNotFoundError: The images, the weights or the student's config are not there.
        ValueError: timm has no such model, or the weights are not there or those of another.
        RuntimeError: The training failed; it said why.
    """
    work_dir, images = Path(work_dir).resolve(), Path(images).resolve()
    classes = sorted(path.name for path in (images / 'train').glob('*/'))
    if not classes or not (images / 'val').is_dir():
        raise FileNotFoundError(
            f'images: {images} must hold the folders train and val, each with one folder of images for each class '
            '(train/cat/1.jpg, ...).'
        )
    work_dir.mkdir(parents=True, exist_ok=True)
    common = dict(images=str(images), epochs=epochs, classes=len(classes), student=str(work_dir / 'student.py'))
    base, config = find_config(student), teacher
    settings = Config.fromfile(base)
    if not teacher.endswith('.py'):
        branches = BRANCHES if settings.model.get('auxiliary_neck') else NO_BRANCHES
        network = timm_teacher(teacher, weights, work_dir / 'teacher.pth')
        config = str(work_dir / 'teacher.py')
        text = (DATA + TEACHER + branches + LOADER).format(
            base=find_config('teacher_r34_imagenet'), **network, **common
        )
        Path(config).write_text(text)
    checkpoint = str(work_dir / f'teacher/epoch_{epochs}.pth')
    text = (DATA + STUDENT).format(base=base, teacher=config, checkpoint=checkpoint, **common)
    if unlabelled:
        more = str(Path(unlabelled).resolve())
        labelled, others = len(CustomDataset(str(images / 'train'))), len(UnlabelledImages(more))
        weight = settings.model.get('loss_weight', {}).get('task', 1)
        text += UNLABELLED.format(unlabelled=more, share=round(weight * labelled / (labelled + others), 4))
    crops = bare(settings.train_dataloader.dataset.type) == 'FixedCrops'
    text += CROPS.format(cache=str(work_dir / 'teacher.npy')) if crops else LOADER
    (work_dir / 'student.py').write_text(text)
    return run(str(work_dir / 'student.py'), work_dir / 'student', options or {}, processes, '--train-teacher')


def finetune(
    detector: str,
    backbone: File,
    data: File,
    work_dir: File,
    processes: int = 1,
    options: Optional[Dict[str, Any]] = None,
) -> Path:
    """Train a detector whose backbone is a distilled student.

    Args:
        detector (str): Name of a shipped detector's config, see ``python -m mmhssakd list '*_folder'``, or its file.
        backbone (str): The student's checkpoint.
        data (str): Folder of images and boxes, of VOC, COCO or YOLO for a ``*_folder`` config (docs/your_data.md).
        work_dir (str): Folder for logs and checkpoints; the config of the run is there as well.
        processes (int): One for each GPU. Defaults to 1.
        options (dict, optional): More ``--cfg-options`` of ``tools/train.py``.

    Returns:
        Path: The detector's last checkpoint.

    Raises:
        FileNotFoundError: There is no such config.
        RuntimeError: The training failed; it said why.
    """
    paths = {'data_root': Path(data).resolve(), 'model.backbone.init_cfg.checkpoint': Path(backbone).resolve()}
    return run(detector, Path(work_dir), {**paths, **(options or {})}, processes)


def timm_teacher(name: str, weights: Optional[File], file: Path) -> Dict[str, Any]:
    """Load a timm model by timm itself, save its backbone, and find out the fields of ``TEACHER``."""
    import timm  # a heavy import, for this alone

    overlay = None
    if weights:
        overlay = dict(state_dict=tensors_of(unwrap(read_checkpoint(str(weights), 'weights')), f'weights: {weights}'))
    settings = timm.get_pretrained_cfg(name.split('.')[0] if weights else name)
    network: Dict[str, Any] = dict(model_name=name)
    if settings and settings.fixed_input_size:  # position embeddings are made for this size
        network['img_size'] = SIZE
    try:
        model = timm.create_model(**network, num_classes=0, pretrained=True, pretrained_cfg_overlay=overlay)
    except (OSError, RuntimeError) as error:
        source = weights or 'its published weights (else set weights to a file)'
        raise ValueError(f'teacher: timm does not load {name!r} from {source}: {error}') from None
    images = timm.data.resolve_model_data_config(model)
    save_atomically(model.state_dict(), str(file))
    with torch.no_grad():
        pooled = model.eval()(torch.zeros(1, 3, SIZE, SIZE))
    return dict(
        network=network,
        weights=str(file),
        channels=pooled.shape[1],
        mean=[round(255 * value, 4) for value in images['mean']],
        std=[round(255 * value, 4) for value in images['std']],
    )


def run(config: str, work_dir: Path, options: Dict[str, Any], processes: int, *more: str) -> Path:
    """Run ``tools/train.py``, or go on with it; returns the last checkpoint."""
    command = train_command(config, work_dir, options, processes if processes > 1 else None, '--auto-scale-lr', *more)
    if code := subprocess.run(command).returncode:
        raise RuntimeError(f'The training in {work_dir} ended with exit status {code}; its last lines say why.')
    checkpoint = named_checkpoint(work_dir)
    if checkpoint is None:
        raise RuntimeError(f'The training wrote no checkpoint to {work_dir}.')
    return checkpoint
