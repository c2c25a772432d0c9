import numpy as np
import pytest
import small
import torch
from mmengine.config import Config

from mmhssakd.experiments.runs import find_runs
from mmhssakd.registry import MODELS
from mmhssakd.visualization import predictions
from mmhssakd.visualization.predictions import Answers, Images, ask, displayed, load_images


@pytest.fixture(scope='module')
def images(runs):
    return load_images(find_runs([runs / 'teacher'])[0].config, 12)


def network(**kwargs):
    preprocessor = dict(mean=[72.94] * 3, std=[90.02] * 3)
    return MODELS.build(small.config(data_preprocessor=preprocessor, **kwargs)).eval()


def test_images_are_spread_over_the_set(images):
    assert len(images.data) == 12 and images.labels.shape == (12,) and images.classes[9] == 'Ankle boot'
    assert images.normalized(network(), 3, 7).shape == (4, 3, 28, 28)


def test_answers_are_those_of_the_network(images):
    net = network()
    answers = ask(net, images, batch_size=5)
    inputs = images.normalized(net)
    torch.testing.assert_close(answers.logits, net(inputs))
    _, joint = net.forward_views(net.make_views(inputs))
    torch.testing.assert_close(answers.joint_logits[2].flatten(0, 1), joint[2])


def test_accuracy_of_branches():
    labels = torch.tensor([0, 1])
    joint = torch.full((2, 4, 8), -9.0)  # 2 images, 4 views, 2 classes x 4 views
    for view in range(4):
        joint[0, view, view] = 9.0  # class and view right
        joint[1, view, 4] = 9.0  # class right, view always 0
    logits = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    found = Answers('net', logits, [joint]).accuracy(labels)
    assert found == {'p': 50.0, 'q1': 62.5, 'q1 class': 100.0}


def test_confusion_matrix():
    images = Images([{}] * 4, torch.tensor([0, 0, 1, 1]), ['cat', 'dog'])
    logits = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    figure = predictions.plot_confusion(Answers('net', logits), images)
    axis = figure.axes[0]
    np.testing.assert_allclose(axis.images[0].get_array(), [[50.0, 50.0], [0.0, 100.0]])
    assert axis.get_title() == 'net: 75.0 %' and axis.get_ylabel() == 'True label'


def test_predictions_that_differ_come_first(images):
    right = torch.eye(10)[images.labels]
    wrong = right.clone()
    wrong[4] = right[4].roll(1)
    figure = predictions.plot_predictions([Answers('a', right), Answers('b', wrong)], images, 3)
    assert [axis.get_ylabel() for axis in figure.axes] == ['a', '', '', 'b', '', '']
    truth = [images.classes[images.labels[i]] for i in (4, 0, 1)]
    found = images.classes[(images.labels[4] + 1) % 10]
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == [f'{name} ✓' for name in truth] + [f'{found} ✗\n({truth[0]})', *(f'{x} ✓' for x in truth[1:])]
    np.testing.assert_allclose(figure.axes[3].images[0].get_array()[..., 0], images.data[4]['inputs'][0] / 255)


def test_views_as_the_network_sees_them(images):
    figure = predictions.plot_views(network(), Images(images.data[:2], images.labels[:2], images.classes))
    shown = [axis.images[0].get_array() for axis in figure.axes]
    assert len(shown) == 8
    np.testing.assert_allclose(shown[1], np.rot90(shown[0]), atol=1e-6)
    original = images.data[0]['inputs'].numpy()[0] / 255
    np.testing.assert_allclose(shown[0][..., 0], original, atol=1e-5)
    assert figure.axes[1].get_title() == f'{images.classes[images.labels[0]]}, 90°'


def test_colours_are_shown_as_rgb():
    image = torch.zeros(1, 3, 2, 2)
    image[:, 2] = 255.0  # red, as OpenCV reads it
    np.testing.assert_allclose(displayed(image)[0, 0, 0], [1, 0, 0])


def test_peers_are_networks_of_their_own(tmp_path, runs, images):
    run = find_runs([runs / 'teacher'])[0]
    cfg = Config.fromfile(run.work_dir / 'teacher_r8.py')
    cfg.model = dict(type='mmhssakd.OnlineHSSAKD', peers=[dict(cfg.model), dict(cfg.model)])
    torch.save(dict(state_dict=MODELS.build(dict(cfg.model)).state_dict()), tmp_path / 'epoch_1.pth')
    (tmp_path / 'last_checkpoint').write_text('epoch_1.pth')
    run.config, run.work_dir = cfg, tmp_path
    peers = predictions.networks_of(run, 'online')
    assert list(peers) == ['online, peer 0', 'online, peer 1']
    assert len(ask(peers['online, peer 1'], images).joint_logits) == 3
