"""One real training step, and an evaluation, of every shipped detection config on tiny data."""

from pathlib import Path

import pytest
import torch
from detection_data import make_coco, make_roboflow_yolo, make_voc, make_voc0712, save_classifier
from mmdet.datasets import CocoDataset
from mmengine.config import Config
from mmengine.registry import RUNNERS

from mmhssakd.engine.launch.data import find_classes
from mmhssakd.engine.launch.options import spread_options

CONFIGS = sorted(file for file in (Path(__file__).parents[1] / 'configs/detection').glob('*.py'))
SCALE = (128, 96)
HEAD_OF_TIMM = ('backbone.timm_model.conv_head', 'backbone.timm_model.norm_head')  # which no feature map needs
SIZES = dict(scale=(256, 256), img_scale=(128, 128), crop_size=(128, 128), size=(128, 128))  # of RTMDet's transforms


def student_of(cfg: Config) -> Config:
    """The shipped config that trains a detector's backbone."""
    return Config.fromfile(CONFIGS[0].parents[1] / f'{Path(cfg.model.backbone.init_cfg.checkpoint).parts[1]}.py')


def small(file: Path, tmp_path: Path) -> Config:
    """The config on tiny data and images, its checkpoint and three iterations at most."""
    cfg = Config.fromfile(file)
    root = tmp_path / 'data'
    options = dict(data_root=str(root))
    if 'voc0712' in file.name:
        make_voc0712(root)
    elif 'folder' in file.name:
        make_roboflow_yolo(root)
    elif 'coco' in file.name:
        make_coco(root, CocoDataset.METAINFO['classes'])
    else:
        options['class_names'] = ['square', 'disc'] if 'custom' in file.name else list(cfg.class_names)
        make_voc(root, options['class_names'][:2])
    spread_options(cfg, options, cfg.copy())
    find_classes(cfg, ['train_dataloader'])
    checkpoint = tmp_path / 'backbone.pth'
    if '_r8_' in file.name or 'published' in file.name:
        kept = ('type', 'depth', 'stem_channels', 'base_channels')
        trained = {key: value for key, value in cfg.model.backbone.items() if key in kept}
    else:
        trained = student_of(cfg).model.backbone
    save_classifier(checkpoint, trained, cfg.model.neck.in_channels[-1])
    cfg.model.backbone.init_cfg.checkpoint = str(checkpoint)
    for key in ('train', 'val', 'test'):
        loader = cfg[f'{key}_dataloader']
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        for dataset in datasets(loader.dataset):
            for transform in dataset.pipeline:
                if transform['type'] == 'Resize':
                    transform['scale'] = SCALE
                else:
                    transform.update({key: size for key, size in SIZES.items() if key in transform})
            if dataset.get('filter_cfg'):
                dataset.filter_cfg = dict(filter_empty_gt=True)
    dataset = cfg.train_dataloader.dataset = next(datasets(cfg.train_dataloader.dataset))
    if 'dataset' in dataset:
        dataset.dataset = next(datasets(dataset.dataset))
    # one step does not make a box sure, and may make all background
    cfg.model.test_cfg.get('rcnn', cfg.model.test_cfg).update(score_thr=-1, max_per_img=5)
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    cfg.param_scheduler = []
    cfg.default_hooks.checkpoint = None
    cfg.work_dir = str(tmp_path / 'work')
    cfg.experiment_name = tmp_path.name
    return cfg


def datasets(dataset):
    """The data sets inside RepeatDataset and ConcatDataset."""
    if 'pipeline' in dataset:
        yield dataset
    for child in [dataset.dataset] if 'dataset' in dataset else dataset.get('datasets', []):
        yield from datasets(child)


@pytest.mark.parametrize('file', CONFIGS, ids=lambda file: file.stem)
def test_one_step_and_evaluation(file, tmp_path):
    cfg = small(file, tmp_path)
    runner = RUNNERS.build(cfg)
    loaded, trained = {}, set()
    for name, parameter in runner.model.backbone.named_parameters(prefix='backbone'):
        if parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(lambda _, name=name: trained.add(name))

    original = runner.model.train_step

    def train_step(*args, **kwargs):
        loaded.update({name: value.clone() for name, value in runner.model.state_dict().items()})
        losses = original(*args, **kwargs)
        assert all(torch.isfinite(value) for name, value in losses.items() if 'loss' in name)
        return losses

    runner.model.train_step = train_step
    runner.train()
    assert runner.iter == 1
    state = torch.load(tmp_path / 'backbone.pth', weights_only=True)['state_dict']
    backbone = {name: value for name, value in loaded.items() if name.startswith('backbone.')}
    assert backbone and all(torch.equal(value, state[name]) for name, value in backbone.items())
    now = runner.model.state_dict()
    moved = [name for name, value in now.items() if not torch.equal(value, loaded[name])]
    frozen, norm_eval = (cfg.model.backbone.get(key) for key in ('frozen_stages', 'norm_eval'))
    if frozen and frozen > 0:
        last_frozen, first_trained = (f'backbone.layer{frozen + i}.' for i in (0, 1))
        assert any(name.startswith(last_frozen) for name in now)
        assert not any(name.startswith(last_frozen) for name in moved)
        assert any(name.startswith(first_trained) for name in moved)
    else:
        assert any(name.startswith('backbone.') for name in moved)
    held = {name for name, p in runner.model.named_parameters() if not p.requires_grad}
    assert trained == {name for name, _ in runner.model.backbone.named_parameters(prefix='backbone')} - held
    assert not held & set(moved)
    if frozen is None or frozen < 0:
        assert {name for name in backbone if name.startswith(HEAD_OF_TIMM)} >= held
        assert bool(held) == ('timm' in file.stem)
    assert any(name.startswith('backbone.') and 'running' in name for name in moved) != bool(norm_eval)
    assert any('head' in name for name in moved)
    metrics = {name for name in runner.message_hub.log_scalars if name.startswith('val/')}
    wanted = (
        {'val/voc_11points/mAP', 'val/voc_11points/AP50', 'val/voc_area/mAP', 'val/voc_area/AP50'}
        if 'voc' in file.stem
        else {'val/coco/bbox_mAP', 'val/coco/bbox_mAP_50'}
        if any(kind in file.stem for kind in ('coco', 'folder', 'photos'))
        else {'val/pascal_voc/mAP', 'val/pascal_voc/AP50', 'val/pascal_voc/AP75'}
    )
    assert wanted <= metrics
    if 'mask' in file.stem:
        assert 'val/coco/segm_mAP' in metrics


@pytest.mark.parametrize('file', CONFIGS, ids=lambda file: file.stem)
def test_recipe(file):
    cfg = Config.fromfile(file)
    backbone, laptop = cfg.model.backbone, '_r8_' in file.stem
    one_stage = file.stem.startswith(('rtmdet', 'ssdlite'))  # which train all of it, with large batches
    batch = 256 if 'rtmdet' in file.stem else 192 if 'ssdlite' in file.stem else 4 if laptop else 16
    assert cfg.auto_scale_lr.base_batch_size == batch == cfg.train_dataloader.batch_size * (1 if laptop else 8)
    whole = one_stage or 'photos' in file.stem  # all of it is trained, its statistics too
    thawed = whole or 'timm' in file.stem
    assert backbone.get('frozen_stages', -1) == (-1 if thawed else 2 if 'mobilenetv2' in file.stem else 1)
    assert backbone.get('norm_eval', False) != whole
    assert backbone.init_cfg.type == 'Pretrained' and backbone.init_cfg.prefix == 'backbone.'
    if 'published' in file.stem:
        assert backbone.init_cfg.checkpoint == cfg.published_r18 and 'resnet18' in cfg.published_r18
    elif not laptop:  # it starts from the student of a shipped config, and sees images as it did
        trained = student_of(cfg)
        student = Path(backbone.init_cfg.checkpoint).parts[1]
        assert backbone.init_cfg.checkpoint == f'work_dirs/{student}/epoch_{trained.train_cfg.max_epochs}.pth'
        assert trained.model.backbone.type.rpartition('.')[2] == backbone.type.rpartition('.')[2]
        ours, theirs = cfg.model.data_preprocessor, trained.data_preprocessor
        assert (ours.mean, ours.std, ours.bgr_to_rgb) == (theirs.mean, theirs.std, theirs.to_rgb)


def test_class_count_and_box_head_that_disagree(tmp_path):
    cfg = small(next(file for file in CONFIGS if 'scenes' in file.stem), tmp_path)
    cfg.model.roi_head.bbox_head.num_classes = 20
    with pytest.raises(ValueError, match=r'bbox_head.num_classes is 20, but train_dataloader.dataset has 10 classes'):
        RUNNERS.build(cfg).train()


def test_resnet34_into_a_resnet18_detector(tmp_path):
    cfg = small(next(file for file in CONFIGS if 'r18_fpn_voc' in file.stem), tmp_path)
    save_classifier(tmp_path / 'backbone.pth', dict(type='mmpretrain.ResNet', depth=34), 512)
    with pytest.raises(ValueError, match='does not fit ResNet') as error:
        RUNNERS.build(cfg).train()
    assert 'unexpected: layer1.2.conv1.weight' in str(error.value)


def test_neck_that_expects_other_channels(tmp_path):
    cfg = small(next(file for file in CONFIGS if 'r18_fpn_voc' in file.stem), tmp_path)
    save_classifier(tmp_path / 'backbone.pth', dict(type='mmpretrain.ResNet', depth=50), 2048)
    cfg.model.backbone.depth = 50
    with pytest.raises(ValueError, match=r'in_channels="\[256,512,1024,2048\]"$') as error:
        RUNNERS.build(cfg).train()
    assert 'in_channels is [64, 128, 256, 512], but the maps of model.backbone have [256, 512,' in str(error.value)


def test_rtmdet_mixes_images_until_its_second_stage(tmp_path):
    cfg = small(next(file for file in CONFIGS if 'rtmdet_cspnext-tiny_folder' in file.stem), tmp_path)
    cfg.train_cfg.update(max_epochs=2, val_interval=2)
    switch = cfg.custom_hooks[1]
    switch.switch_epoch = 1
    for transform in switch.switch_pipeline:
        transform.update({key: size for key, size in SIZES.items() if key in transform})
    runner = RUNNERS.build(cfg)
    pipelines, original = [], runner.model.train_step

    def train_step(data, **kwargs):
        assert {tuple(image.shape) for image in data['inputs']} == {(3, 128, 128)}
        pipelines.append([type(transform).__name__ for transform in runner.train_dataloader.dataset.pipeline])
        return original(data, **kwargs)

    runner.model.train_step = train_step
    runner.train()
    first, last = pipelines
    assert first == [first[0], *last[:-1], first[-2], last[-1]]
    assert (first[0], first[-2]) == ('Mosaic', 'MixUp') and 'Mosaic' not in last and 'MixUp' not in last
