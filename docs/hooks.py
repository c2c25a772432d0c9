"""What mkdocs does besides its own work: pages from outside docs/, notebooks, links into the code, equations."""

import posixpath
import re
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.structure.files import File, InclusionLevel
from nbconvert import MarkdownExporter

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r'\]\(((?:\.\./)+|docs/|)([\w./-]+)(#[\w-]+)?\)')
SOURCES = ('mmhssakd', 'tools', 'tests')


def page_of(target: str, anchor: str) -> str:
    """Where a file of the project stands in the site."""
    if target.split('/')[0] in SOURCES:
        return f'source/{target}.md'
    page = 'index.md' if target == 'README.md' else target.removeprefix('docs/')
    return page.replace('.ipynb', '.md') + anchor


def on_files(files, config):
    """Add the README as the home page, the pages of the config families, notebooks, and every linked source file."""
    pages = {'index.md': ROOT / 'README.md'}
    pages.update({str(file.relative_to(ROOT)): file for file in sorted((ROOT / 'configs').rglob('README.md'))})
    for name, file in pages.items():
        files.append(File.generated(config, name, content=file.read_text()))
    for page in list((ROOT / 'docs').glob('*.md')) + list(pages.values()):
        for _, target, _ in LINK.findall(page.read_text()):
            name = f'source/{target}.md'
            if target.split('/')[0] in SOURCES and name not in files.src_uris:
                code = (ROOT / target).read_text()
                code = f'---\nsearch:\n  exclude: true\n---\n# {target}\n\n```python linenums="1"\n{code}```\n'
                files.append(File.generated(config, name, content=code, inclusion=InclusionLevel.NOT_IN_NAV))
    for notebook in sorted((ROOT / 'docs').rglob('*.ipynb')):
        name = page_of(str(notebook.relative_to(ROOT)), '')
        text, pictures = MarkdownExporter().from_filename(str(notebook))
        files.append(File.generated(config, name, content=text))
        for picture, content in pictures['outputs'].items():
            files.append(File.generated(config, f'{Path(name).parent}/{picture}', content=content))
    return files


def on_page_markdown(markdown, page, config, files):
    """Turn links that are right in the checkout into links of the site, and $$...$$ into MathML."""
    uri = page.file.src_uri
    if uri.startswith('source/'):
        return markdown
    here = 'README.md' if uri == 'index.md' else uri if uri.startswith('configs/') else f'docs/{uri}'

    def rewrite(match):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(here), match[1] + match[2]))
        if not (ROOT / target).exists():
            return match[0]  # a page that mkdocs itself makes
        return f']({posixpath.relpath(page_of(target, match[3] or ""), posixpath.dirname(uri) or ".")})'

    markdown = LINK.sub(rewrite, markdown)
    return re.sub(r'\$\$(.+?)\$\$', equation, markdown)


def equation(match) -> str:
    """MathML in a box that a narrow screen can scroll."""
    return f'<div style="overflow: auto hidden">{convert(match[1], display="block")}</div>'


def on_page_content(html, page, config, files):
    """Drop the docstrings' roles, such as :class:, which are Sphinx's."""
    return re.sub(r':(?:attr|class|func|meth|data|mod):(?=<code)', '', html)
