"""The page in headless Chromium: silent, self-sufficient, laid out without collisions, light, dark and on paper."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.verify.report import browser, samples
from wizard.verify import report

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason="Chromium is not installed")

# Texts that leave their drawing, texts that lie on each other, and a page wider than its window. Boxes of text are
# higher than their letters: 3 units of overlap in height are none that can be seen.
COLLISIONS = """(() => { const found = [];
for (const svg of document.querySelectorAll('svg')) {
  const view = svg.viewBox.baseVal;
  const boxes = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBBox()]);
  boxes.forEach(([name, a], index) => {
    if (a.x < -0.5 || a.y < -0.5 || a.x + a.width > view.width + 0.5 || a.y + a.height > view.height + 0.5)
      found.push(`${svg.id}: ${name} is outside`);
    for (const [other, b] of boxes.slice(index + 1))
      if (a.x < b.x + b.width - 1 && b.x < a.x + a.width - 1 && a.y < b.y + b.height - 3 && b.y < a.y + a.height - 3)
        found.push(`${svg.id}: ${name} and ${other} overlap`);
  });
}
const root = document.documentElement;
if (root.scrollWidth > root.clientWidth) found.push(`the page is ${root.scrollWidth} wide`);
return found; })()"""

BACKGROUND = "getComputedStyle(document.body).backgroundColor"
SCRIPTED = "typeof window.hit"


@pytest.mark.parametrize("name", samples.NAMES)
async def test_the_page_in_a_browser(name, tmp_path):
    report.write(tmp_path, samples.load(name))
    address = (tmp_path / "report.html").as_uri()
    async with browser.page() as page:
        await page.look()
        await page.open(address)
        assert page.requests == [address]
        for width in (1000, 360):
            await page.look(width=width)
            assert await page.value(COLLISIONS) == []
        await page.look(dark=False)
        assert await page.value(BACKGROUND) == "rgb(255, 255, 255)"
        await page.look(dark=True)
        assert await page.value(BACKGROUND) == "rgb(20, 23, 27)"
        await page.look(dark=True, print=True)
        assert await page.value(BACKGROUND) == "rgb(255, 255, 255)"
        pdf = await page.pdf()
        assert page.complaints == []
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert pages >= 3
    assert re.search(rb"/MediaBox\s*\[\s*0 0 59[45][.\d]* 84[12]", pdf)  # A4


async def test_hostile_text_in_a_browser(tmp_path):
    evidence = samples.load("drill")
    attack = "</text></svg></style><script>window.hit=1</script><img src=x onerror='window.hit=1'>"
    evidence["deployment"] = evidence["plan"]["prefix"] = evidence["checks"][0]["detail"] = attack
    evidence["drill"]["marks"][0]["what"] = attack
    evidence["loads"][0]["by_vm"] = {attack: 3}
    report.write(tmp_path, evidence)
    async with browser.page() as page:
        await page.look()
        await page.open((tmp_path / "report.html").as_uri())
        assert await page.value(SCRIPTED) == "undefined"
        assert await page.value("document.querySelectorAll('script, img').length") == 0
        assert len(page.requests) == 1
        assert page.complaints == []
        assert await page.value("document.querySelector('h1').textContent") == attack


async def test_the_policy_would_stop_what_got_past_the_escaping(tmp_path):
    """The second lock holds by itself: a script and an image put into the page neither run nor load."""
    html = report.as_html(samples.load("version-1"))
    put_in = "<script>window.hit=1</script><img src='http://127.0.0.1:9/x.png' onerror='window.hit=1'>"
    (tmp_path / "report.html").write_text(html.replace("<h1>", f"{put_in}<h1>"), encoding="utf-8")
    async with browser.page() as page:
        await page.look()
        await page.open(Path(tmp_path / "report.html").as_uri())
        assert await page.value(SCRIPTED) == "undefined"
        assert page.complaints
