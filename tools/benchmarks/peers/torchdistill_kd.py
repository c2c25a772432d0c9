"""torchdistill's KD of a student of ours from its teacher: the config's images, augmentation and optimizer, one cycle.

In an environment of its own (tried with torchdistill 1.1.5, torch 2.14.1, Python 3.11), then tested in ours:

    uv venv peers && uv pip install --python peers torchdistill -e ".[lite]"
    peers/bin/python tools/benchmarks/peers/torchdistill_kd.py configs/photos/kd_r8_photos.py \\
        --epochs 32 --out work_dirs/torchdistill
    python tools/test.py configs/photos/ce_r8_photos.py work_dirs/torchdistill/student.pth
"""

import time
from typing import Tuple

import torch
from ours import images_of, parser_of, read
from torch.utils.data import Dataset, RandomSampler
from torchdistill.core.distillation import get_distillation_box


class Pairs(Dataset):
    """Normalized images and labels of a data set of ours."""

    def __init__(self, dataset: Dataset, preprocessor: torch.nn.Module) -> None:
        self.dataset, self.preprocessor = dataset, preprocessor

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Tuple[torch.Tensor, int]:
        sample = self.dataset[index]
        image = self.preprocessor(dict(inputs=sample['inputs'][None], data_samples=[sample['data_samples']]))['inputs']
        return image[0], int(sample['data_samples'].gt_label)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument('--alpha', type=float, default=0.5, help='share of the cross-entropy (default: 0.5)')
    args = parser.parse_args()
    cfg, student = read(args)
    pairs = Pairs(images_of(cfg), student.data_preprocessor)
    sgd, batch_size = dict(cfg.optim_wrapper.optimizer), cfg.train_dataloader.batch_size
    steps = args.epochs * (len(pairs) // batch_size)
    network = dict(forward_proc='forward_batch_only', forward_hook=dict(input=[], output=['head']))
    kwargs = dict(student_module_path='head', teacher_module_path='head', temperature=student.criterion.kd_loss.tau)
    kwargs |= dict(student_module_io='output', teacher_module_io='output', alpha=args.alpha)
    loader = dict(batch_size=batch_size, num_workers=1, drop_last=True, persistent_workers=True)
    stage = dict(
        num_epochs=args.epochs,
        train_data_loader=dict(dataset_id='train', sampler=dict(class_or_func=RandomSampler, kwargs={}), kwargs=loader),
        teacher=dict(network, requires_grad=False),
        student=network,
        criterion=dict(
            key='WeightedSumLoss',
            kwargs=dict(sub_terms=dict(kd=dict(criterion=dict(key='KDLoss', kwargs=kwargs), weight=1.0))),
        ),
        optimizer=dict(key=sgd.pop('type'), kwargs=sgd),
        scheduler=dict(key='OneCycleLR', kwargs=dict(max_lr=sgd['lr'], total_steps=steps + 1), scheduling_step=1),
    )
    box = get_distillation_box(student.teacher, student, dict(train=pairs), stage, torch.device('cpu'), None, False, 1)
    start = time.monotonic()
    for epoch in range(args.epochs):
        box.pre_epoch_process(epoch=epoch)
        for images, labels, more in box.train_data_loader:
            box.pre_forward_process()
            loss = box.forward_process(images, targets=labels, supp_dict=more)
            box.post_forward_process(loss=loss)
        box.post_epoch_process()
        print(f'epoch {epoch + 1}: loss {loss.item():.4f}', flush=True)
    torch.save(dict(state_dict=student.state_dict()), args.out / 'student.pth')
    print(f'{args.out}/student.pth, after {time.monotonic() - start:.0f} s')


if __name__ == '__main__':
    main()
