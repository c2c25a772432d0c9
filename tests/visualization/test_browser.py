"""The report's page in a real browser, without a window. Without a browser conftest.py leaves this out and says so."""

import json
import re
import subprocess

import matplotlib.image as mpimg
import numpy as np
import pytest
from written_run import find_browser

from mmhssakd.experiments.runs import find_runs, group_runs
from mmhssakd.visualization.report import write_report

# The page, in a frame of the screen's size (a window has a least width), says how wide its images and itself are, and
# where the first things end; the page around it writes that into its title.
PROBE = """<script>addEventListener('load', () => parent.postMessage(JSON.stringify({
    images: [...document.images].map(image => image.naturalWidth), width: document.documentElement.scrollWidth,
    ends: ['h1', '.answer', 'table', 'img'].map(name => document.querySelector(name).getBoundingClientRect())
        .map(box => [box.right, box.bottom]) }), '*'))</script>"""
FRAME = """<!DOCTYPE html><html><head><title></title></head><body>
    <script>onmessage = event => { document.title = event.data }</script>
    <iframe src="probe.html" style="width: %dpx; height: %dpx; border: 0"></iframe></body></html>"""


def browse(page, *options) -> str:
    browser = find_browser()
    assert browser, 'no chromium and no google-chrome is installed (Debian: apt-get install chromium)'
    command = [
        browser,
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--hide-scrollbars',
        '--disable-dev-shm-usage',
        f'--user-data-dir={page.parent}/profile',
        *options,
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert not done.returncode, done.stderr[-2000:]
    return done.stdout


@pytest.fixture
def page(runs, tmp_path):
    write_report(group_runs(find_runs([runs])), tmp_path / 'page.html', images=20, baseline=['ce_r8'])
    return tmp_path / 'page.html'


@pytest.mark.parametrize('width, height', [(1280, 800), (390, 844)])
def test_the_page_fits_the_screen(page, width, height):
    (page.parent / 'probe.html').write_text(page.read_text().replace('</body>', PROBE + '</body>'))
    frame = page.parent / 'frame.html'
    frame.write_text(FRAME % (width, height))
    dom = browse(frame, '--window-size=1400,900', '--virtual-time-budget=5000', '--dump-dom')
    found = json.loads(re.search(r'<title>(.*?)</title>', dom)[1])
    assert len(found['images']) > 6 and min(found['images']) > 300
    assert found['width'] <= width
    if width == 1280:  # the first screen holds the title, the answer, the table and the figure
        right, bottom = np.max(found['ends'], axis=0)
        assert right <= width and bottom <= height


@pytest.mark.parametrize('scheme, background', [('1', [255, 255, 255]), ('0', [0x16, 0x18, 0x1C])])
def test_curves_are_drawn_in_light_and_in_dark(page, scheme, background):
    picture = page.parent / 'page.png'
    dark = f'--blink-settings=preferredColorScheme={scheme}'
    browse(page, dark, '--window-size=1200,2400', f'--screenshot={picture}')
    pixels = np.round(mpimg.imread(picture)[..., :3] * 255).astype(int)
    assert pixels[0, 0].tolist() == background
    blue = (abs(pixels.reshape(-1, 3) - [0x00, 0x72, 0xB2]).max(1) < 8).sum()
    assert blue > 50, 'the curves are not drawn'  # about 100 in thin lines
