"""The documentation is built without a warning, and every link in it leads somewhere."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

ROOT = Path(__file__).parents[1]


class Reader(HTMLParser):
    """Collects the ids and the links of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids, self.links = set(), set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs[key] for key in ('id', 'name') if attrs.get(key)}
        if tag in ('a', 'img', 'script', 'link'):
            self.links |= {attrs[key] for key in ('href', 'src') if attrs.get(key)}


def test_site(tmp_path):
    site = tmp_path / 'site'
    done = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '-q', '-d', site],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert not done.returncode, done.stdout[-4000:]
    pages = {file.resolve(): Reader(file.read_text()) for file in site.rglob('*.html')}
    broken = []
    for file, page in pages.items():
        for link in page.links:
            target, anchor = urldefrag(unquote(link))
            if '://' in link or link.startswith(('mailto:', 'data:', '/')):
                continue
            other = (file.parent / target).resolve() if target else file
            other = other / 'index.html' if other.is_dir() else other
            if not other.is_file() or (anchor and other in pages and anchor not in pages[other].ids):
                broken.append(f'{file.relative_to(site)}: {link}')
    assert not broken
    method = (site / 'method/index.html').read_text()
    equations = (ROOT / 'docs/method.md').read_text().count('$$') // 2
    assert method.count('<math') == equations > 8 and '$$' not in method
    assert method.count('../source/mmhssakd/') == (ROOT / 'docs/method.md').read_text().count('](../mmhssakd/') > 9
    reference = (site / 'api/index.html').read_text()
    assert ':class:<code' not in reference
    for name in (
        'distillers.hssakd.HSSAKD',
        'necks.auxiliary_neck.AuxiliaryNeck',
        'losses.mimicry_loss.KDLoss',
        'classifiers.ssa_classifier.SSAClassifier',
    ):
        assert f'id="mmhssakd.models.{name}"' in reference
