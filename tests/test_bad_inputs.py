"""Whatever is wrong with config, options, data, checkpoints or environment, the message says what and where."""

import os
import runpy
import shutil
import tempfile
from argparse import Namespace
from pathlib import Path

import cv2
import detection_data
import numpy as np
import pytest
import small
import tiny_job
import torch
from mmengine.config import Config
from mmpretrain.datasets.categories import FASHIONMNIST_CATEGORITES

from mmhssakd.engine.launch.launch import choose_work_dir
from mmhssakd.registry import MODELS

ROOT = Path(__file__).parents[1]


class Job:
    """The small job of tiny_job.py, with a fault in it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        self.config, self.data, self.teacher = folder / 'epochs.py', folder / 'data', folder / 'teacher.pth'

    def call(self, tool: str, *arguments) -> None:
        """Run a tool in this process."""
        self.monkeypatch.setattr('sys.argv', [tool, *map(str, arguments)])
        runpy.run_path(str(ROOT / 'tools' / tool), run_name='__main__')

    def train(self, *options, arguments=(), config: str = '') -> None:
        """Run tools/train.py with options (and with lines at the end of the config)."""
        if config:
            self.config.write_text(self.config.read_text() + config)
        options = ['--cfg-options', *options] if options else []
        self.call('train.py', self.config, '--work-dir', self.folder / 'work', *arguments, *options)

    def test(self, checkpoint, *arguments) -> None:
        self.call('test.py', self.config, checkpoint, '--work-dir', self.folder / 'work', *arguments)

    def edit(self, file: str, change) -> None:
        """Change the bytes of a data file."""
        path = self.folder / file
        path.write_bytes(change(path.read_bytes()))

    def save(self, content, name: str = 'bad.pth') -> Path:
        torch.save(content, self.folder / name)
        return self.folder / name

    def picture(self) -> Path:
        cv2.imwrite(str(self.folder / 'a.png'), detection_data.image())
        return self.folder / 'a.png'

    def student(self) -> Path:
        """A checkpoint of the student."""
        model = Config.fromfile(self.config).model
        model.teacher = None
        return self.save(dict(state_dict=MODELS.build(model).state_dict()), 'student.pth')

    def name_classes(self, names: list) -> None:
        """Store the names of the classes in the teacher's checkpoint."""
        content = torch.load(self.teacher, weights_only=False)
        torch.save(dict(content, meta=dict(dataset_meta=dict(classes=names))), self.teacher)

    def harmful(self) -> Path:
        folder = self.folder

        class Harmful:
            def __reduce__(self):
                return os.system, (f'touch {folder}/harm',)

        return self.save(dict(state_dict=Harmful()), 'harmful.pth')


@pytest.fixture(scope='module')
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp('original') / 'job'
    folder.mkdir()
    for config, _ in tiny_job.prepare(folder, workers=0, seed=0).values():
        Config.fromfile(config).dump(config)  # in one file, which is read faster
    return folder


@pytest.fixture
def job(original, tmp_path, monkeypatch):
    shutil.copytree(original, tmp_path / 'job')
    for file in (tmp_path / 'job').glob('*.py'):
        file.write_text(file.read_text().replace(str(original), str(tmp_path / 'job')))
    tiny_job.leave_configs_as_they_are(monkeypatch)
    yield Job(tmp_path / 'job', monkeypatch)
    assert not (tmp_path / 'job/harm').exists()


def mixed_views(job: Job) -> None:
    augments = dict(augments=dict(type='Mixup', alpha=0.8))
    preprocessor = MODELS.build(small.config(train_cfg=augments)).data_preprocessor
    preprocessor(dict(inputs=torch.zeros(2, 4, 3, 8, 8), data_samples=small.samples([0, 1])), training=True)


def other_order(job: Job) -> None:
    """The classes of the validation are those of the training, in another order."""
    job.train(config=f"\nval_dataloader['dataset']['metainfo'] = dict(classes={sorted(FASHIONMNIST_CATEGORITES)})\n")


def folder_images(job: Job, change=lambda folder: None, *options) -> None:
    """Train on a folder with one sub-folder a class."""
    root = job.folder / 'images'
    for i in range(10):
        (root / f'class_{i}').mkdir(parents=True)
        cv2.imwrite(str(root / f'class_{i}/0.jpg'), detection_data.image((28, 28, 3)))
    change(root)
    data = (
        f"dict(type='CustomDataset', data_root='{root}', "
        "pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')])"
    )
    job.train(*options, config=f'\ntrain_dataloader.update(dataset={data})\n')


def only_unlabelled(job: Job, kind: str) -> None:
    """Train a network on labels alone, with images that have none."""
    cv2.imwrite(str(job.folder / 'one.jpg'), detection_data.image((28, 28, 3)))
    job.train(
        config=f"""
train_dataloader.update(drop_last=False, dataset=dict(
    type='mmhssakd.UnlabelledImages', data_root='{job.folder}',
    pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')]))
model = dict(type='{kind}', **{{key: model[key] for key in ('backbone', 'neck', 'head')}})
"""
    )


def set_bytes(start: int, new: bytes):
    return lambda data: data[:start] + new + data[start + len(new) :]


def forbidden(job: Job) -> None:
    """A folder that must not be written to. Root may write anywhere, so this process is nobody for a moment."""
    folder, root = Path(tempfile.mkdtemp()), os.geteuid() == 0
    folder.chmod(0o555)
    try:
        if root:
            os.seteuid(65534)
        choose_work_dir(Config(), Namespace(config='a.py', work_dir=str(folder / 'work')))
    finally:
        if root:
            os.seteuid(0)
        folder.rmdir()


MISTYPED = '\noptim_wraper = dict(optimizer=dict(lr=1.0))\n'

# what is wrong: what is called, the error's type, its message
CASES = {
    # config
    'no config file': (lambda j: j.call('train.py', 'none.py'), FileNotFoundError, 'no such config file: none.py'),
    'misspelt key at the top': (
        lambda j: j.train(config=MISTYPED),
        KeyError,
        "'optim_wraper'.*is 'optim_wrapper' meant",
    ),
    'misspelt key of env_cfg': (
        lambda j: j.train(config='\nenv_cfg = dict(cudnn_benchmrk=True)\n'),
        KeyError,
        'env_cfg.cudnn_benchmrk.*is env_cfg.cudnn_benchmark meant',
    ),
    'key that nothing reads': (
        lambda j: j.train(config='\nauto_scale_lr = dict(size=3)\n'),
        KeyError,
        'auto_scale_lr.size in the config: known are base_batch_size, enable',
    ),
    'misspelt option': (
        lambda j: j.train('model.teacher.checkpiont=x.pth'),
        KeyError,
        'model.teacher.checkpiont.*Is model.teacher.checkpoint meant',
    ),
    'misspelt option at the top': (
        lambda j: j.train('train_dataloder.batch_size=4'),
        KeyError,
        'Is train_dataloader.batch_size meant',
    ),
    'option that is no longer read': (
        lambda j: j.train('max_epochs=1', config='\nmax_epochs = 3\n'),
        KeyError,
        'max_epochs: nothing reads this key any more. Set what .*train_cfg.max_epochs',
    ),
    'misspelt argument with a default': (
        lambda j: j.train('model.kl_p_veiws=all'),
        KeyError,
        'Is model.kl_p_views meant',
    ),
    'a picture as a config': (
        lambda j: j.call('train.py', j.picture()),
        FileNotFoundError,
        'no such config file: .*a.png',
    ),
    'no job at a time': (lambda j: j.call('sweep.py', 'a.json', '--jobs', '-1'), SystemExit, '2'),
    'option of a list by name': (
        lambda j: j.train('train_pipeline.first.type=x'),
        KeyError,
        'train_pipeline is a list of 3, so a number 0 .. 2 must follow',
    ),
    'no such type': (lambda j: j.train('model.type=mmhssakd.HSAKD'), KeyError, 'HSAKD is not in the .* registry'),
    'no such optimizer': (
        lambda j: j.train('optim_wrapper.optimizer.type=AdaW'),
        KeyError,
        "optim_wrapper.optimizer.type: there is no optimizer 'AdaW'. Is 'AdamW' meant",
    ),
    # options out of range, or of the wrong type
    'negative temperature': (
        lambda j: j.train('model.kd_loss.tau=-3'),
        ValueError,
        'KDLoss.tau.*positive number, but got -3',
    ),
    'unknown loss term': (lambda j: j.train('model.loss_weight.kl_r=1'), ValueError, 'unknown terms .*kl_r.*kl_q'),
    'negative weight': (
        lambda j: j.train('model.loss_weight.kl_q=-1'),
        ValueError,
        "model.loss_weight must be 0 or more for each term, but got .*'kl_q': -1",
    ),
    'views without a type': (
        lambda j: j.train('model.views.num_views=3'),
        ValueError,
        "model.views=.'num_views': 3. has no type, such as 'mmhssakd.RotateViews'",
    ),
    'unknown choice': (lambda j: j.train('model.kl_p_views=some'), ValueError, "'all' or 'unrotated', but got 'some'"),
    'negative learning rate': (
        lambda j: j.train('optim_wrapper.optimizer.lr=-1'),
        ValueError,
        'Invalid learning rate: -1',
    ),
    'half an epoch': (
        lambda j: j.train('train_cfg.max_epochs=1.5'),
        ValueError,
        'train_cfg.max_epochs must be a whole number, 1 or more, but got 1.5',
    ),
    'batch of none': (
        lambda j: j.train('train_dataloader.batch_size=0'),
        ValueError,
        'batch_size should be a positive',
    ),
    'steps to skip that are no number': (
        lambda j: j.train('custom_hooks.0.max_skipped=few'),
        ValueError,
        "NonFiniteLossHook.max_skipped .*'few'",
    ),
    'scaling by an unknown batch size': (
        lambda j: j.train('auto_scale_lr={}', arguments=['--auto-scale-lr']),
        KeyError,
        'auto_scale_lr.base_batch_size',
    ),
    'duplicated taps': (
        lambda j: j.train('model.auxiliary_neck.taps="[layer1,layer1,layer3]"'),
        ValueError,
        'auxiliary_neck.taps must name at least one module and none twice',
    ),
    'no such tap': (
        lambda j: j.train('model.auxiliary_neck.taps="[layer1,layer9]"'),
        ValueError,
        "has no module named 'layer9'. It has: ",
    ),
    'taps that the teacher lacks': (
        lambda j: j.train('model.auxiliary_neck.taps="[layer2,layer3]"'),
        ValueError,
        'The teacher has 3 auxiliary branches, the student has 2',
    ),
    'branch map out of range': (
        lambda j: j.train('model.branch_map="[0,1,7]"'),
        ValueError,
        'model.branch_map=.*0 .. 2',
    ),
    'peers with images of their own': (
        lambda j: MODELS.build(
            dict(type='OnlineHSSAKD', peers=2 * [small.config(train_cfg=dict(augments=dict(type='Mixup', alpha=0.8)))])
        ),
        ValueError,
        'model.peers.0.train_cfg=.* would not be used',
    ),
    'mixed views': (mixed_views, ValueError, 'mixes images, not views: take RotateViews out'),
    'frozen without branches': (
        lambda j: MODELS.build(small.config(frozen=True, auxiliary_neck=None)),
        ValueError,
        'set model.auxiliary_neck',
    ),
    'class count of the teacher': (
        lambda j: j.train('model.head.num_classes=7'),
        ValueError,
        'The teacher has 10 classes, the student has 7',
    ),
    # data
    'no data folder': (
        lambda j: folder_images(j, lambda root: shutil.rmtree(root)),
        FileNotFoundError,
        '(?s)train_dataloader.dataset.data_root: the data set is not complete on .*missing .*'
        '--cfg-options train_dataloader.dataset.data_root=FOLDER',
    ),
    'folder without images': (
        lambda j: folder_images(j, lambda root: [f.unlink() for f in root.glob('*/*')]),
        RuntimeError,
        'Found 0 files',
    ),
    'classes in another order': (
        other_order,
        ValueError,
        "Class 'Ankle boot' is number 9 in train.* and number 0 in val",
    ),
    'classes of the teacher in another order': (
        lambda j: (j.name_classes(sorted(FASHIONMNIST_CATEGORITES)), j.train()),
        ValueError,
        "Class 'Ankle boot' is number 9 in train_dataloader.dataset and number 0 in model.teacher.checkpoint",
    ),
    'folder of another number of classes': (
        lambda j: folder_images(j, lambda root: shutil.rmtree(root / 'class_3')),
        ValueError,
        'model.head.num_classes is 10, but train_dataloader.dataset has 9 classes',
    ),
    'truncated JPEG': (
        lambda j: folder_images(j, lambda root: [f.write_bytes(f.read_bytes()[:-200]) for f in root.glob('*/*')]),
        ValueError,
        r'cannot read the image .*0.jpg: the file is truncated',
    ),
    'images without labels for a plain classifier': (
        lambda j: only_unlabelled(j, 'ImageClassifier'),
        ValueError,
        r'train_dataloader.dataset: .* has no labels, but ImageClassifier learns from labels alone',
    ),
    'images without labels for a teacher': (
        lambda j: only_unlabelled(j, 'mmhssakd.SSAClassifier'),
        ValueError,
        r'has no labels, but SSAClassifier learns from labels, and there are no others. Distill on these images',
    ),
    'image that is not square': (
        lambda j: folder_images(j, lambda root: [cv2.imwrite(str(f), np.zeros((20, 28, 3))) for f in root.glob('*/*')]),
        ValueError,
        'Rotation needs square images, but the batch has height 20 and width 28',
    ),
    'images of several sizes': (
        lambda j: folder_images(j, lambda root: cv2.imwrite(str(root / 'class_1/0.jpg'), np.zeros((20, 20, 3)))),
        ValueError,
        r'Images of one batch differ in size: .*class_\d/0.jpg is \d+ x \d+, .*class_\d/0.jpg is \d+ x \d+. .*Resize',
    ),
    'fewer labels than images': (
        lambda j: (
            j.edit('data/train-labels-idx1-ubyte', lambda d: set_bytes(4, (99).to_bytes(4, 'big'))(d)[:-1]),
            j.train(),
        ),
        ValueError,
        'train-images-idx3-ubyte holds 100 images, but .* holds 99 labels',
    ),
    'truncated data file': (
        lambda j: (j.edit('data/train-images-idx3-ubyte', lambda d: d[:-1]), j.train()),
        ValueError,
        'should have 78416 bytes by its header, but has 78415: it is truncated',
    ),
    'text as a data file': (
        lambda j: (j.edit('data/train-images-idx3-ubyte', lambda d: b'<html>404</html>'), j.train()),
        ValueError,
        'is no idx file',
    ),
    'label out of range': (
        lambda j: (
            j.edit('data/train-labels-idx1-ubyte', lambda d: d[:8] + bytes([12] * 10) + d[18:]),
            j.train('train_dataloader.dataset.num_images=11'),
        ),
        ValueError,
        r'gt_label must be in 0 .. 9 \(model.head.num_classes=10\), but the batch holds \[12\]',
    ),
    'more images than there are': (
        lambda j: j.train('train_dataloader.dataset.num_images=999'),
        ValueError,
        'cannot keep 99 images of class 0, which has 10',
    ),
    'data set smaller than a batch': (
        lambda j: j.train('train_dataloader.batch_size=64', 'train_dataloader.drop_last=True'),
        ValueError,
        'gives no batch: its data set holds 40 images, which do not fill one batch of 64',
    ),
    # checkpoints
    'no teacher': (
        lambda j: j.train('model.teacher.checkpoint=none.pth'),
        FileNotFoundError,
        'model.teacher.checkpoint: no such checkpoint: none.pth. Get one in one of these ways',
    ),
    'no config of the teacher': (
        lambda j: j.train('model.teacher.config=none.py'),
        FileNotFoundError,
        'model.teacher.config: no such config file: none.py',
    ),
    'student as teacher': (
        lambda j: j.train(f'model.teacher.checkpoint={j.student()}'),
        ValueError,
        'model.teacher.checkpoint: .*student.pth does not fit SSAClassifier',
    ),
    'truncated teacher': (
        lambda j: (j.edit('teacher.pth', lambda d: d[:-99]), j.train()),
        ValueError,
        'teacher.pth is no checkpoint, is damaged',
    ),
    'code in the teacher': (
        lambda j: j.train(f'model.teacher.checkpoint={j.harmful()}'),
        ValueError,
        'harmful.pth .*holds more than plain data .whose code was not run.',
    ),
    'no weights in the teacher': (
        lambda j: j.train(f'model.teacher.checkpoint={j.save(dict(epoch=3))}'),
        ValueError,
        'bad.pth holds no state dict of tensors',
    ),
    'resuming from nothing': (
        lambda j: j.train(arguments=['--resume', 'none.pth']),
        FileNotFoundError,
        '--resume: no such checkpoint: none.pth',
    ),
    'resuming from weights': (
        lambda j: j.train(arguments=['--resume', j.student()]),
        ValueError,
        'student.pth holds no meta, optimizer, message_hub',
    ),
    'resuming from code': (
        lambda j: j.train(arguments=['--resume', j.harmful()]),
        ValueError,
        'harmful.pth is damaged or cannot be loaded safely',
    ),
    'testing nothing': (lambda j: j.test('none.pth'), FileNotFoundError, 'checkpoint: no such checkpoint: none.pth'),
    'testing a teacher as a student': (
        lambda j: j.test(j.teacher),
        ValueError,
        "does not fit the config's model .HSSAKD.: is it a teacher's.*\n.*reshaped",
    ),
    'testing code': (lambda j: j.test(j.harmful()), ValueError, 'harmful.pth .*holds more than plain data'),
    'results of an unknown kind': (lambda j: j.test(j.teacher, '--out', 'a.txt'), SystemExit, '2'),
    'importing something else': (
        lambda j: j.call('model_converters/import_hsakd.py', j.teacher, j.folder / 'out.pth'),
        SystemExit,
        'teacher.pth holds no state dict of tensors',
    ),
    'exporting to an unknown kind': (
        lambda j: j.call('model_converters/export_backbone.py', j.teacher, 'a.txt', '--format', 'timm'),
        SystemExit,
        '2',
    ),
    'exporting a picture': (
        lambda j: j.call('model_converters/export_backbone.py', j.picture(), 'a', '--format', 'timm'),
        SystemExit,
        '1',
    ),
    'a picture as a sweep': (
        lambda j: j.call('sweep.py', j.picture().rename(j.folder / 'a.json')),
        SystemExit,
        r'a.json is no JSON, or [^\n]*$',
    ),
    'a picture as a sweep over budgets': (
        lambda j: j.call('benchmark_budget.py', j.picture().rename(j.folder / 'a.json')),
        SystemExit,
        r'a.json is no JSON, or [^\n]*$',
    ),
    # environment
    'no permission': (forbidden, PermissionError, '--work-dir: cannot write to .*: Permission denied. Choose another'),
    'work dir that is a file': (
        lambda j: j.call('train.py', j.config, '--work-dir', j.config),
        FileExistsError,
        '--work-dir: cannot write to .*epochs.py',
    ),
}


@pytest.mark.parametrize('name', CASES)
def test_the_message(name, job):
    call, error, message = CASES[name]
    job.monkeypatch.chdir(job.folder)
    with pytest.raises(error, match=f'(?s){message}'):
        call(job)


def test_an_exported_picture_takes_one_line(job, capsys):
    with pytest.raises(SystemExit):
        job.call('model_converters/export_backbone.py', job.picture(), 'a', '--format', 'timm')
    said = capsys.readouterr().err
    assert said.count('\n') == 1 and 'CKPT: ' in said and 'a.png is no checkpoint, is damaged, or' in said


def test_a_class_without_images_is_named(job):
    def empty(root: Path) -> None:
        (root / 'class_3/0.jpg').unlink()
        shutil.copy(root / 'class_4/0.jpg', root / 'class_4/1.jpg')

    folder_images(job, empty)
    (log,) = (job.folder / 'work').glob('2*/*.log')
    assert 'WARNING - Found no valid file in the folder class_3. ' in log.read_text()
    job.name_classes([f'class_{i}' for i in range(10)])
    with pytest.raises(ValueError, match='class_3 holds no image, but model.teacher.checkpoint learned the class'):
        job.train()
