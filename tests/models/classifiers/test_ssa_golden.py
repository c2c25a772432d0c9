"""One teacher step equals the released code's, in float64."""

import golden
import pytest
import torch

from mmhssakd.models.labels import joint_labels


@pytest.mark.parametrize('name', ['teacher_joint_r18', 'teacher_frozen_r18'])
def test_teacher_step(name):
    expected = golden.load(name)
    keys = golden.load('offline_r34_r18')['student_keys']  # the same network
    model = golden.build(keys, frozen=expected['frozen_backbone'])
    images, data_samples = golden.batch(expected)

    state = {k: v.clone() for k, v in model.state_dict().items()}
    logits, aux_logits = model.forward_views(model.make_views(images))
    model.load_state_dict(state)
    close = dict(rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(logits, torch.tensor(expected['logits'], dtype=torch.float64), **close)
    wanted = torch.tensor(expected['aux_logits'], dtype=torch.float64)
    torch.testing.assert_close(torch.stack(aux_logits), wanted, **close)
    labels = torch.cat([sample.gt_label for sample in data_samples])
    assert joint_labels(labels, 4).tolist() == expected['joint_labels']

    losses = model(images, data_samples, mode='loss')
    assert losses['loss_task'].item() == pytest.approx(expected['loss_task'], rel=1e-8)
    assert losses['loss_aux'].item() == pytest.approx(sum(expected['loss_aux']), rel=1e-8)
    for i, share in enumerate(expected['loss_aux'], start=1):
        assert losses[f'ce_q{i}'].item() == pytest.approx(share, rel=1e-8)

    total, _ = model.parse_losses(losses)
    assert total.item() == pytest.approx(expected['loss_total'], rel=1e-8)
    total.backward()
    golden.check_gradients(model, expected['grad_norms'])
