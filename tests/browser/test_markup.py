"""Cleaned markup in a real browser, which reads what the cleaner wrote in its own way."""

import tomllib

import pytest
from nbconvert.filters import markdown2html

from helpers.grading.handin.markup import TAGS, Budget, clean_html, clean_markdown
from tests import COURSE

pytestmark = pytest.mark.needs("chromium")

ATTACKS = tomllib.loads((COURSE / "tests/attacks/markup.toml").read_text())

#: Shows markup, and once more what the browser made of it; gives what there is then, what ran, and
#: where its links lead.
SHOW = """async (texts) => {
  const found = {tags: [], attributes: [], links: [], ran: []};
  window.alert = (what) => found.ran.push(String(what));
  for (const text of texts) {
    const place = document.createElement("div");
    document.body.append(place);
    place.innerHTML = text;
    place.innerHTML = place.innerHTML;
    for (const element of place.querySelectorAll("*")) {
      found.tags.push(element.localName);
      found.attributes.push(...element.getAttributeNames());
      if (element.href) found.links.push(element.protocol);
      element.dispatchEvent(new MouseEvent("mouseover"));
      element.click();
    }
    await new Promise((done) => setTimeout(done, 5));
  }
  return found;
}"""


@pytest.fixture
def blank(page):
    page.goto("data:text/html,<title>x</title>")
    page.evaluate("document.addEventListener('click', (event) => event.preventDefault(), true)")
    return page


def test_the_page_would_show_what_runs(blank):
    found = blank.evaluate(SHOW, ["<img src=x onerror=alert(7)>"])
    assert set(found["ran"]) == {"7"}


def test_no_attack_runs_in_an_output(blank):
    texts = [clean_html(text, Budget()) for text in ATTACKS.values()]
    found = blank.evaluate(SHOW, texts)
    assert found["ran"] == []
    assert set(found["tags"]) <= TAGS
    assert set(found["attributes"]) <= {"title", "href", "rel", "colspan", "rowspan"}
    assert set(found["links"]) <= {"http:", "https:", "mailto:"}


def test_no_attack_runs_in_a_text_cell(blank):
    texts = [markdown2html(clean_markdown(text, Budget())) for text in ATTACKS.values()]
    found = blank.evaluate(SHOW, texts)
    assert found["ran"] == []
    assert set(found["tags"]) <= TAGS
    # A link without a scheme is one that is no address.
    assert set(found["links"]) <= {"http:", "https:", "mailto:", ":"}
