"""Questions answered on the pages, in a browser that meets no other host."""

import json

import nbformat
import pytest

from helpers.authoring.notebooks import find_units
from helpers.check import verdict_on
from helpers.exercises import EXERCISES
from tests import COURSE
from tests.site.answers import answers_to, worked
from tests.site.page import Question, served, watched

pytestmark = pytest.mark.needs("chromium")

RIGHT = worked("02_flops")["linear_cost"]
HALF = "def linear_cost(b, t, i, o):\n    return {'MAC': b * t * i * o, 'FLOP': b * t * i * o}"
MISTAKE = {"met": {"MAC counted as FLOP": 1}, "step": 0, "due": 0}
ENDLESS = "def linear_cost(*args):\n    while True:\n        pass"


@pytest.fixture
def context(browser):
    """A telephone with nothing kept."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(120_000)
    yield context
    context.close()


@pytest.fixture
def page(context):
    """A page of it, on which nothing goes wrong."""
    page = context.new_page()
    errors = watched(page)
    yield page
    assert errors == []


@pytest.fixture
def left(context, address):
    """Leaves answers and verdicts in the browser, as somebody did who was there before."""

    def leave(answers=None, verdicts=None, mistakes=None):
        parts = {"answers": answers, "verdicts": verdicts, "mistakes": mistakes, "guesses": None}
        state = {"version": 1} | {part: {"02_flops": kept or {}} for part, kept in parts.items()}
        page = context.new_page()
        page.goto(f"{address}practice.html")
        page.evaluate(
            "state => localStorage.setItem('network-costs-practice', state)", json.dumps(state)
        )
        page.close()

    return leave


@pytest.fixture(scope="module")
def opened(browser, address):
    """A unit's page whose Python runs, for tests that leave it as it was."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(f"{address}units/02_flops.html")
    yield page
    context.close()


@pytest.fixture
def question(opened):
    return Question(opened, "linear_cost")


@pytest.mark.parametrize("unit", [unit.name for unit in find_units(COURSE)])
def test_a_right_and_a_wrong_answer_get_pythons_verdict(unit, page, address):
    page.goto(f"{address}units/{unit}.html")
    name = page.locator("section[data-question]").first.get_attribute("data-question")
    for answer in answers_to(name)[:2]:
        question = Question(page, name)
        question.write(answer.text)
        seen = question.judged(answer.verdict.html())
        assert seen["status"] == answer.verdict.status
        assert seen["text"] == answer.verdict.text()
        assert seen["html"] == seen["expected"]


def test_nothing_large_is_loaded_before_an_editor_is_touched(page, address):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}units/02_flops.html")
    page.wait_for_load_state("networkidle")
    assert [url for url in asked if "practice/" in url] == [f"{address}_static/practice/page.js"]
    assert "YOUR CODE HERE" in Question(page, "linear_cost").section.inner_text()
    page.locator("section[data-question] .cm-content").first.focus()
    page.locator("section[data-question] .cm-editor").first.wait_for()


def test_what_is_typed_before_the_editor_is_there_is_kept(page, address):
    page.goto(f"{address}units/02_flops.html")
    question = Question(page, "linear_cost")
    question.section.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.type("def linear_cost(a, b, c, d):\nreturn 1")
    question.section.locator(".cm-editor").wait_for()
    assert question.text() == "def linear_cost(a, b, c, d):\n    return 1"
    assert question.section.locator(".cm-content").evaluate("e => e === document.activeElement")


def test_another_case_is_fresh_each_time(question):
    question.write(RIGHT)
    texts = {question.judged(action="another")["text"] for _ in range(3)}
    assert len(texts) == 3
    assert {text.splitlines()[0] for text in texts} == {"linear_cost: right"}


def test_run_shows_what_is_printed_and_an_error_its_line(question):
    question.write("print('seen')\nlen(PRICE)")
    question.press("run")
    question.section.locator(".question-output pre").wait_for()
    assert question.output().startswith("seen\n")
    question.write("x = 1\n\nx / 0")
    question.press("run")
    question.section.locator(".failing-line").wait_for()
    assert question.output() == "Line 3: ZeroDivisionError: division by zero"
    assert question.section.locator(".failing-line").inner_text() == "x / 0"


def test_what_no_page_begins_with_is_fetched_when_it_is_imported(question, opened):
    asked = []
    opened.on("request", lambda request: asked.append(request.url))
    question.write("import math, json\nmath.pi")
    question.press("run")
    question.section.get_by_text("3.14").wait_for()
    assert [url for url in asked if url.endswith("library.zip")] == []
    question.write(
        "from email.message import EmailMessage\nimport unittest\nlen(unittest.__name__)"
    )
    question.press("run")
    question.section.locator(".question-output pre").get_by_text("8", exact=True).wait_for()
    assert question.output() == "8"


def test_an_endless_loop_is_stopped_and_the_page_is_never_stuck(question, opened):
    question.write(ENDLESS)
    question.press("check")
    question.section.locator('button[data-action="stop"]').wait_for()
    # The page answers while Python is busy.
    assert opened.evaluate("new Promise(done => setTimeout(() => done(7), 50))") == 7
    question.press("stop")
    verdict = question.section.locator("[data-verdict][data-status]")
    assert verdict.get_attribute("data-status") == "error"
    assert "you stopped your function" in verdict.inner_text()
    question.write(RIGHT)
    assert question.judged()["status"] == "right"


def test_an_endless_loop_ends_by_itself_and_names_its_line(question):
    question.write(ENDLESS)
    seen = question.judged()
    assert seen["status"] == "error"
    assert seen["text"].endswith("with TimeoutError: took longer than 10 s, at `pass`")


def test_reset_brings_the_stub_back_and_can_be_undone(question):
    question.write(RIGHT)
    question.press("reset")
    assert "YOUR CODE HERE" in question.text()
    question.press("reset")
    assert question.text() == RIGHT


def test_the_worked_answer_is_behind_two_clicks(question):
    answer = question.section.locator("details.answer")
    shown = [answer.locator("pre").is_visible()]
    for summary in answer.locator("summary").all():
        summary.click()
        shown.append(answer.locator("pre").is_visible())
    assert shown == [False, False, True]


def test_a_question_that_needs_pytorch_says_so_and_links_to_colab(page, address):
    page.goto(f"{address}units/homework.html")
    note = page.locator('[data-elsewhere="saved_bytes"]')
    assert "needs packages that a page cannot have" in note.inner_text()
    assert note.locator("a").get_attribute("href").startswith("https://colab.research.google.com/")
    assert page.locator('[data-question="saved_bytes"]').count() == 0


def test_a_saved_notebook_has_the_answers_and_is_else_as_released(left, page, address, tmp_path):
    left(answers={"linear_cost": RIGHT})
    page.goto(f"{address}units/02_flops.html")
    page.locator('textarea[data-words="explain_counter"]').fill("Because of the groups.")
    with page.expect_download() as download:
        page.locator("button[data-save]").click()
    assert download.value.suggested_filename == "flops.ipynb"
    download.value.save_as(tmp_path / "flops.ipynb")
    notebook = nbformat.read(tmp_path / "flops.ipynb", as_version=4)
    nbformat.validate(notebook)
    released = nbformat.read(COURSE / "release/02_flops/flops.ipynb", as_version=4)
    for cell in released.cells:
        cell.source = {
            "linear_cost": RIGHT,
            "explain_counter": "Because of the groups.",
        }.get(cell.id, cell.source)
    assert notebook == released


def test_a_verdict_is_kept_and_a_wrong_one_is_met_again(question, opened, address):
    question.write(HALF)
    assert question.judged()["status"] == "partly right"
    opened.goto(f"{address}practice.html")
    mistakes = opened.locator("[data-part=mistakes]")
    assert "linear_cost in 02 FLOP" in mistakes.inner_text()
    assert "best tomorrow" in mistakes.inner_text()
    opened.go_back()


def test_progress_goes_along_in_a_file(left, page, browser, address, tmp_path):
    left({"linear_cost": HALF}, mistakes={"linear_cost": MISTAKE})
    page.goto(f"{address}practice.html")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save to a file").click()
    download.value.save_as(tmp_path / "practice.json")

    other = browser.new_context()
    elsewhere = other.new_page()
    elsewhere.goto(f"{address}practice.html")
    file = elsewhere.locator("input[type=file]")
    (tmp_path / "no.json").write_text(json.dumps({"version": 1, "answers": 3}))
    file.set_input_files(tmp_path / "no.json")
    elsewhere.get_by_text("nothing was changed").wait_for()
    file.set_input_files(tmp_path / "practice.json")
    elsewhere.get_by_text("are here now").wait_for()
    assert "linear_cost" in elsewhere.locator("[data-part=mistakes]").inner_text()
    elsewhere.goto(f"{address}units/02_flops.html")
    assert Question(elsewhere, "linear_cost").text() == HALF
    other.close()


def test_a_mistake_is_met_again_with_fresh_numbers(left, page, address):
    left({"linear_cost": HALF}, mistakes={"linear_cost": MISTAKE})
    page.goto(f"{address}practice.html")
    page.get_by_role("link", name="Practise linear_cost again").click()
    again = Question(page, "linear_cost")
    assert "YOUR CODE HERE" in again.text()
    again.write(RIGHT)
    seen = again.judged()
    assert seen["status"] == "right"
    known = verdict_on(EXERCISES["linear_cost"], lambda *_: None).text()
    assert seen["text"].splitlines()[2].split("  ")[1] not in known
    # The earlier answer is as it was, and the question comes again later.
    page.goto(f"{address}units/02_flops.html")
    assert Question(page, "linear_cost").text() == HALF
    page.goto(f"{address}practice.html")
    assert "best in 3 days" in page.locator("[data-part=mistakes]").inner_text()


def test_a_guess_stays_and_goes_into_the_notebook(page, address, tmp_path):
    page.goto(f"{address}units/01_building_blocks.html")
    guess = page.locator('section[data-predict="deep_to_wide"]')
    guess.locator("input").fill("many")
    guess.get_by_role("button", name="Guess").click()
    guess.get_by_text("Write a number above 0").wait_for()
    guess.locator("input").fill("2,5")
    guess.locator("input").press("Enter")
    guess.get_by_text("Your guess is kept").wait_for()
    page.reload()
    assert guess.locator("input").input_value() == "2.5"
    assert guess.locator("input").is_disabled()
    with page.expect_download() as download:
        page.locator("button[data-save]").click()
    download.value.save_as(tmp_path / "saved.ipynb")
    assert 'predict(\\"deep_to_wide\\", 2.5)' in (tmp_path / "saved.ipynb").read_text()


def test_rings_say_how_far_one_is(left, page, address):
    left(verdicts={"linear_cost": {"status": "right", "at": 0}})
    page.goto(f"{address}units/02_flops.html")
    rings = page.locator(".practice-bar svg.ring")
    assert rings.get_attribute("aria-label") == "1 of 12 right"
    page.goto(f"{address}index.html")
    ring = page.locator(".toctree-wrapper a", has_text="02 FLOP").locator("svg.ring")
    assert ring.get_attribute("aria-label") == "1 of 12 right"


def test_all_of_it_works_by_keyboard(question, opened):
    question.write("")
    opened.keyboard.insert_text(RIGHT)
    opened.keyboard.press("Shift+Enter")
    question.section.locator('[data-verdict][data-status="right"]').wait_for()
    opened.keyboard.press("Escape")
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.dataset.action") == "check"


def test_everything_has_a_name_for_those_who_do_not_see_it(question, opened):
    question.write(RIGHT)
    section = opened.get_by_role("region", name="Question linear_cost")
    assert section.get_by_role("textbox", name="Your answer to linear_cost").count() == 1
    assert section.locator("[data-verdict]").get_attribute("aria-live") == "polite"
    assert section.get_by_role("img").first.get_attribute("aria-label")


def test_the_course_is_there_without_a_network_from_a_folder_of_any_server(site, browser, tmp_path):
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "course").symlink_to(site)
    with served(tmp_path) as address:
        context = browser.new_context(viewport={"width": 390, "height": 844})
        context.set_default_timeout(120_000)
        page = context.new_page()
        errors = watched(page)
        page.goto(f"{address}some/course/units/02_flops.html")
        question = Question(page, "linear_cost")
        question.write(RIGHT)
        assert question.judged()["status"] == "right"
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        page.wait_for_function(
            """async () => (await caches.keys()).length === 1
            && (await navigator.serviceWorker.getRegistration()).active?.state === "activated" """
        )
    # The server is gone.
    page.goto(f"{address}some/course/units/04_roofline.html")
    question = Question(page, "layer_time")
    question.write(worked("04_roofline")["layer_time"])
    assert question.judged()["status"] == "right"
    question.write("import unittest\nunittest.__name__")
    question.press("run")
    question.section.get_by_text("'unittest'").wait_for()
    page.goto(f"{address}some/course/")
    assert page.title() == "What neural networks cost"
    assert errors == []
    context.close()


def test_a_page_that_is_no_server_s_says_what_to_do(context, site):
    page = context.new_page()
    page.goto((site / "units" / "02_flops.html").as_uri())
    page.locator("section[data-question] .cm-content").first.focus()
    page.get_by_text("Answering needs a web server").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_told_from_its_ground(browser, address, scheme):
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{address}units/02_flops.html")
    Question(page, "linear_cost").section.locator(".cm-content").focus()
    page.locator(".cm-editor").first.wait_for()
    assert page.evaluate(CONTRASTS) == []
    context.close()


#: The texts of a question whose contrast with what they stand on is below 4.5, as WCAG asks.
CONTRASTS = """() => {
    const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = element => {
        for (let each = element; each; each = each.parentElement) {
            const colour = numbers(getComputedStyle(each).backgroundColor);
            if ((colour[3] ?? 1) > 0.9) return colour;
        }
        return [255, 255, 255];
    };
    const found = [];
    const section = document.querySelector("section[data-question]");
    for (const each of section.querySelectorAll("button, code, summary, .cm-line, .cm-line span")) {
        if (!each.textContent.trim() || !each.getClientRects().length) continue;
        const [one, other] = [light(numbers(getComputedStyle(each).color)), light(ground(each))];
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (ratio < 4.5) found.push([each.className, each.textContent, ratio]);
    }
    return found;
}"""
