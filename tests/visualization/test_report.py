"""The page: what it holds, and that it needs nothing beside itself."""

import re
from html.parser import HTMLParser

import pytest
from processes import ROOT, call

from mmhssakd.experiments.runs import find_runs, group_runs
from mmhssakd.visualization import page
from mmhssakd.visualization.detections import plot_detections
from mmhssakd.visualization.report import results_of, write_report


class Reader(HTMLParser):
    """Collects sections, links and images, and checks that every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open, self.sections, self.links, self.images, self.text = [], [], [], [], []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in ('meta', 'img', 'link'):
            self.open.append(tag)
        self.sections += [attrs['id']] if tag == 'section' else []
        self.links += [attrs['href']] if 'href' in attrs else []
        if tag == 'img':
            assert attrs['alt'] and attrs['src'].startswith('data:image/png;base64,')
            self.images.append(attrs['alt'])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope='module')
def report(runs, tmp_path_factory):
    out = tmp_path_factory.mktemp('report') / 'report.html'
    groups = group_runs(find_runs([runs]))
    assert write_report(groups, out, images=20, baseline=['ce_r8'], examples=2) == []
    return out.read_text()


def test_runs_that_were_too_short_have_no_table(runs, tmp_path):
    write_report(group_runs(find_runs([runs])), tmp_path / 'page.html', images=0, results=False)
    text = ' '.join(Reader((tmp_path / 'page.html').read_text()).text)
    assert 'Last validation' not in text and 'points over' not in text and 'more curves' in text


def test_the_page_holds_every_part(report):
    found = Reader(report)
    assert found.links == [f'#{section}' for section in found.sections] and len(found.sections) == 2
    assert 'http' not in re.sub(r'base64,[\w+/=]+', '', report)
    assert found.text[0] == 'Fashion-MNIST: CE r8, teacher, HSSAKD r8'
    text = ' '.join(found.text)
    parts = ('Classifiers', 'hssakd_r8: +7.50 points over ce_r8', '5 more curves', 'settings that differ', 'Runs')
    assert sorted(parts, key=text.rindex) == list(parts)
    starts = [alt.split()[0] for alt in found.images]
    assert (
        starts[:8] == ['Reached,', 'Test', *['Confusion'] * 3, 'accuracy/top1', 'loss', 'acc_p'] and len(starts) == 13
    )
    assert 'model.teacher' in text and 'teacher/epoch_2.pth' in text and 'hook' not in text


def test_results(runs):
    said, results = results_of(group_runs(find_runs([runs])), ['ce_r8'])
    assert 'over ce_r8 (95 % interval +1.15 to +13.85, 2 seeds), at 1.0 times its training time.' in said
    rows = re.findall(r'<tr>(.*?)</tr>', results)
    cells = [re.findall(r'<t[hd].*?>(.*?)</t[hd]>', row) for row in rows]
    compared = 'accuracy/top1: difference to ce_r8 (95 % interval)'
    assert cells == [
        ['trial', 'accuracy/top1 (%)', compared, 'seconds', 'images/s'],
        ['ce_r8 (2 seeds)', '77.50 ± 0.71', '', '1', '320'],
        ['teacher', '88.00', '', '1', '640'],  # other seeds: no paired difference
        ['hssakd_r8 (2 seeds)', '85.00 ± 1.41', '+7.50 (+1.15 to +13.85)', '1', '320'],
    ]


def test_what_cannot_be_made_is_said(runs, tmp_path):
    groups = group_runs(find_runs([runs / 'seed_0/hssakd_r8']))
    groups[0].runs[0].lines = []
    groups[0].runs[0].work_dir = tmp_path
    missing = write_report(groups, tmp_path / 'page.html', images=2)
    assert missing[0] == 'Classifiers: no run was validated yet.' and 'holds no checkpoint' in missing[1]
    assert missing[2] == 'Classifiers: the runs have logged no curve yet.'
    text = (tmp_path / 'page.html').read_text()
    assert 'Skipped: no run was validated yet.' in text and '0 settings that differ' in text


def test_detections_beside_the_ground_truth(detector_run, tmp_path):
    groups = group_runs(find_runs([detector_run]))
    figure = plot_detections(groups, amount=1, threshold=0.0)
    truth, found = figure.axes
    assert [truth.get_title(), found.get_title()] == ['ground truth', 'detector']
    assert [patch.get_bbox().bounds for patch in truth.patches] == [(3, 5, 36, 38), (49, 19, 40, 50)]
    assert {text.get_text() for text in truth.texts} == {'T-shirt/top', 'Trouser'}
    assert len(found.patches) == len(found.texts) > 0
    assert write_report(groups, tmp_path / 'page.html', examples=1) == []
    found = Reader((tmp_path / 'page.html').read_text())
    assert found.text[0] == 'data: detector' and 'detector: 10.00 % (pascal_voc/mAP, one seed).' in found.text
    assert any('ground truth' in alt for alt in found.images)


def test_names_are_escaped():
    built = page.html('<b>', {'a & b': [page.table(['a'], [['<script>']], '"'), page.paragraph('<i>')]})
    assert '<script>' not in built and '<i>' not in built


def test_commands(runs, tmp_path, capsys):
    call('analysis/report.py', runs, '--out', tmp_path / 'page.html', '--images', 0)
    assert capsys.readouterr().out.strip() == str(tmp_path / 'page.html')
    assert 'Confusion' not in (tmp_path / 'page.html').read_text()


@pytest.mark.parametrize(
    'tool, arguments, message',
    [
        ('analysis/report.py', ['none'], 'no such work dir: none'),
        (
            'analysis/report.py',
            ['RUNS', '--baseline', 'x'],
            "no group is called 'x'; there are: ce_r8, teacher, hssakd_r8",
        ),
        ('analysis/report.py', ['RUNS', '--out', '/no/page.html'], 'no such folder to write to: /no'),
        ('visualize_views.py', ['none.py'], 'no such config file: none.py'),
        ('visualize_views.py', [ROOT / 'configs/fashion_mnist/ce_r8.py'], 'ImageClassifier, which makes no views'),
    ],
)
def test_refusals(tool, arguments, message, runs):
    with pytest.raises(SystemExit, match=message):
        call(tool, *[runs if argument == 'RUNS' else argument for argument in arguments])


@pytest.mark.parametrize('option', ['--images=-5', '--examples=0'])
def test_amounts(option, runs, capsys):
    with pytest.raises(SystemExit, match='2'):
        call('analysis/report.py', runs, option)
    assert f'error: {option.replace("=", " ")}: at least' in capsys.readouterr().err.splitlines()[-1]


def test_visualize_views(fashion, tmp_path, capsys):
    call(
        'visualize_views.py',
        ROOT / 'configs/fashion_mnist/hssakd_r8.py',
        '--images',
        2,
        '--out',
        tmp_path / 'views.png',
        '--cfg-options',
        'train_dataloader.dataset.num_images=20',
        f'train_dataloader.dataset.dataset.data_root={fashion}',
    )
    assert '2 images, 4 views each' in capsys.readouterr().out
    assert (tmp_path / 'views.png').read_bytes().startswith(b'\x89PNG')
