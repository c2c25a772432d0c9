"""The report's page in a real browser, without a window. Without a browser conftest.py leaves this out and says so."""

import re
import subprocess

import matplotlib.image as mpimg
import numpy as np
from written_run import find_browser

from mmhssakd.experiments.runs import find_runs, group_runs
from mmhssakd.visualization.report import write_report

# asks the browser about every image and whether the page is wider than its window, and writes the answer into the title
PROBE = """<script>addEventListener('load', () => { document.title = JSON.stringify([
    [...document.images].map(i => i.naturalWidth), document.documentElement.scrollWidth <= innerWidth]) })</script>"""


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
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert not done.returncode, done.stderr[-2000:]
    return done.stdout


def test_a_browser_shows_the_page(runs, tmp_path):
    page = tmp_path / 'page.html'
    write_report(group_runs(find_runs([runs])), page, images=0)
    probe = tmp_path / 'probe.html'
    probe.write_text(page.read_text().replace('</body>', PROBE + '</body>'))
    dom = browse(probe, '--window-size=500,900', '--virtual-time-budget=5000', '--dump-dom')
    widths, fits = re.search(r'<title>\[\[([\d,]+)\],(\w+)\]</title>', dom).groups()
    assert all(int(width) > 300 for width in widths.split(',')) and fits == 'true'

    picture = tmp_path / 'page.png'
    browse(page, '--window-size=1200,2400', f'--screenshot={picture}')
    pixels = np.round(mpimg.imread(picture)[..., :3] * 255).astype(int).reshape(-1, 3)
    blue = (abs(pixels - [0x00, 0x72, 0xB2]).max(1) < 8).sum()
    assert blue > 50, 'the curves are not drawn'  # about 100 in thin lines
