"""The web site: its pages without outputs, in a browser that meets no other host."""

import itertools
import re
from urllib.parse import urldefrag, urljoin

import pytest

from helpers.authoring.notebooks import find_units
from tests import COURSE

in_a_browser = pytest.mark.needs("chromium")


#: What a page says about itself, read in the browser.
READ = """() => ({
    headings: [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map(
        heading => [Number(heading.tagName[1]), heading.textContent]),
    images: [...document.images].map(image => [image.src, (image.alt || "").trim(),
        image.naturalWidth]),
    links: [...document.querySelectorAll("a[href]")].map(link => link.href),
    ids: [...document.querySelectorAll("[id]")].map(element => element.id),
    width: document.documentElement.scrollWidth,
    language: document.documentElement.lang,
    title: document.title,
})"""


@pytest.fixture(scope="module")
def visited(site, address, browser):
    """Of each page, on a telephone of 390 px: what `READ` gives, what was asked for, and errors."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    pages = {}
    for path in sorted(site.rglob("*.html")):
        if "_static" in path.parts:
            continue
        page, requests, errors = context.new_page(), [], []
        page.on("request", lambda request, seen=requests: seen.append(request.url))
        page.on("requestfailed", lambda request, seen=errors: seen.append(request.url))
        page.on("pageerror", lambda error, seen=errors: seen.append(str(error)))
        page.on(
            "response",
            lambda response, seen=errors: seen.append(response.url) if not response.ok else None,
        )
        page.on(
            "console",
            lambda said, seen=errors: seen.append(said.text) if said.type == "error" else None,
        )
        name = path.relative_to(site).as_posix()
        page.goto(address + name, wait_until="load")
        pages[name] = {**page.evaluate(READ), "requests": requests, "errors": errors}
        page.close()
    context.close()
    return pages


def test_every_unit_and_page_is_there(site):
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    assert {f"units/{unit.name}.html" for unit in find_units(COURSE)} <= pages
    assert {f"{name}.html" for name in ("index", "student", "instructor", "conventions")} <= pages
    assert {"architecture.html", "reference.html", "reference/ledger.html"} <= pages


def test_every_answer_is_folded(site):
    for unit in find_units(COURSE):
        text = (site / "units" / f"{unit.name}.html").read_text()
        answers = unit.text.read_text().count("# %% answer=")
        folded = len(re.findall(r"<details class=\"[^\"]*hide", text))
        # Beside answers long code is, and says how long.
        code = len(re.findall(r">Show the code, \d+ lines<", text))
        unpractised = folded - code
        assert code
        practised = text.count("<summary>Worked answer</summary>")
        assert practised + unpractised == answers
        words = len(re.findall(r"^# %% \[markdown\] read=", unit.text.read_text(), re.MULTILINE))
        assert text.count('<details class="answer">') == words + practised
        assert "<details open" not in text


def test_every_unit_opens_in_colab(site):
    for unit in find_units(COURSE):
        text = (site / "units" / f"{unit.name}.html").read_text()
        link = f"/blob/main/release/{unit.name}/{unit.notebook}.ipynb"
        assert re.search(rf'href="https://colab\.research\.google\.com/[^"]*{link}"', text)


def test_the_reference_says_what_a_ledger_is(site):
    text = (site / "reference" / "ledger.html").read_text()
    assert 'id="helpers.ledger.Ledger"' in text
    assert "system-message" not in text


@in_a_browser
def test_no_page_has_an_error(visited):
    assert {name: page["errors"] for name, page in visited.items() if page["errors"]} == {}


@in_a_browser
def test_no_page_asks_another_host(visited, address):
    asked = {url for page in visited.values() for url in page["requests"]}
    assert {url for url in asked if not url.startswith((address, "data:"))} == set()


@in_a_browser
def test_no_link_inside_is_broken(visited, site, address):
    broken = set()
    for name, page in visited.items():
        for link in page["links"]:
            target, fragment = urldefrag(urljoin(address + name, link))
            if not target.startswith(address):
                continue
            file = target.removeprefix(address) or "index.html"
            ids = visited.get(file, {"ids": []})["ids"]
            if not (site / file).is_file() or (fragment and fragment not in ids):
                broken.add((name, link))
    assert broken == set()


@in_a_browser
def test_headings_are_in_order(visited):
    for name, page in visited.items():
        levels = [level for level, _ in page["headings"]]
        assert levels.count(1) == 1, name
        assert levels[0] == 1, name
        for before, after in itertools.pairwise(levels):
            assert after <= before + 1, (name, page["headings"])


@in_a_browser
def test_every_picture_has_a_text_and_is_there(visited):
    images = {(name, *image) for name, page in visited.items() for image in page["images"]}
    assert {image for image in images if not image[2] or not image[3]} == set()


@in_a_browser
def test_no_page_is_wider_than_a_telephone(visited):
    assert {name: page["width"] for name, page in visited.items() if page["width"] > 390} == {}


@in_a_browser
def test_every_page_has_a_language_and_a_title(visited):
    assert all(page["language"] == "en" and page["title"] for page in visited.values())


@in_a_browser
def test_search_finds_the_roofline(browser, address):
    page = browser.new_page()
    page.goto(address + "index.html")
    page.get_by_role("searchbox").or_(page.get_by_placeholder("Search")).first.fill("roofline")
    page.keyboard.press("Enter")
    page.locator("ul.search li a").first.wait_for()
    found = page.locator("ul.search li a").evaluate_all("links => links.map(link => link.href)")
    assert any("units/04_roofline.html" in link for link in found)
    page.close()


@in_a_browser
def test_an_answer_is_unfolded_with_the_keyboard(browser, address):
    page = browser.new_page()
    page.goto(address + "units/homework.html")
    answer = page.locator("section[data-question] details.answer").first
    code = answer.locator("pre")
    for summary in answer.locator("summary").all():
        assert not code.is_visible()
        summary.focus()
        page.keyboard.press("Enter")
    assert code.is_visible()
    page.close()
