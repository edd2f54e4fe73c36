"""The released unit 04 in JupyterLab: run, its sliders moved, answers typed and checked."""

import shutil

import pytest

from helpers.exercises import EXERCISES
from tests import COURSE

pytestmark = pytest.mark.needs("chromium")

RIGHT = """\
def attainable_tflops(intensity, peak_tflops, bandwidth_gb):
return min(peak_tflops, intensity * bandwidth_gb / 1000)"""
WRONG = """\
def ridge_points(bf16_tflops, tf32_tflops, fp32_tflops, bandwidth_gb):
return dict(bf16=bf16_tflops / bandwidth_gb, tf32=tf32_tflops / bandwidth_gb, fp32=0)"""


@pytest.fixture(scope="module")
def lab(browser, serve, tmp_path_factory):
    """The notebook, run from top to bottom, in a page of JupyterLab."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copy(COURSE / "release/04_roofline/roofline.ipynb", folder)
    address = serve(folder)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    # The badge is an image of another host.
    context.route("https://**", lambda route: route.abort())
    page = context.new_page()
    page.goto(f"{address}lab/tree/roofline.ipynb")
    page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell")
    page.wait_for_selector("text=Python 3 (ipykernel) | Idle")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.wait_for_function(
        """() => [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")]
            .filter(prompt => prompt.textContent)  // a folded cell shows no number
            .every(prompt => /\\[\\d+\\]/.test(prompt.textContent))""",
        timeout=180_000,
    )
    yield page
    context.close()


def cell(page, text):
    """The code cell with this text."""
    return page.locator(".jp-CodeCell", has=page.locator(".cm-content", has_text=text)).first


def answer(page, name, source):
    """Types an answer into its cell as a person does, and runs it and the check below."""
    cell(page, f"def {name}(").locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.type(source)  # the editor indents after a colon
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    shown = cell(page, f'check("{name}"').locator(".jp-OutputArea")
    shown.get_by_text(f"{name}: ").filter(has_not_text="no answer yet").first.wait_for()
    return shown


def test_every_cell_runs_and_no_traceback_is_seen(lab):
    assert lab.locator(".jp-OutputArea-output[data-mime-type*=error]").count() == 0
    checks = lab.locator(".jp-OutputArea-output", has_text=": no answer yet").locator("code")
    assert checks.count() == 11


def test_a_slider_changes_its_readout_and_the_picture(lab):
    widget = lab.locator(".jp-OutputArea-output", has=lab.locator(".widget-readout")).first
    widget.scroll_into_view_if_needed()
    assert widget.locator(".widget-readout").all_inner_texts() == [
        "A100",
        "bf16",
        "768 → 3072",
        "1",
    ]
    # All of it can be read: nothing is cut off.
    for readout in widget.locator(".widget-readout").all():
        assert readout.evaluate("element => element.scrollWidth <= element.clientWidth")
    picture = widget.locator("img.widget-image")
    before = picture.get_attribute("src")
    batch = widget.get_by_role("slider").nth(3)
    batch.focus()
    batch.press("ArrowRight")
    lab.wait_for_function(
        "before => document.querySelector('img.widget-image').src !== before", arg=before
    )
    assert widget.locator(".widget-readout").nth(3).inner_text() == "2"
    assert picture.evaluate("element => element.naturalWidth") > 300


def test_a_right_and_a_wrong_answer_are_shown_as_tables(lab, shot):
    right = answer(lab, "attainable_tflops", RIGHT)
    # A line for the names of the columns, two for each case.
    assert right.locator("tr").count() == 1 + 2 * len(EXERCISES["attainable_tflops"].examples)
    assert "✗" not in right.inner_text()
    wrong = answer(lab, "ridge_points", WRONG)
    text = wrong.inner_text()
    assert "ridge_points: wrong" in text
    assert "Hint: " in text
    assert text.count("✗") == 6
    shot(lab, "lab-check")
    lab.keyboard.press("Control+S")
    lab.wait_for_selector("text=Saving completed")


def test_a_check_fits_a_phone(lab, browser, shot):
    """In the notebook's own page: JupyterLab's panels leave no room on a phone."""
    wrong = answer(lab, "ridge_points", WRONG)
    assert "✗" in wrong.inner_text()
    lab.keyboard.press("Control+S")
    phone = browser.new_page(viewport={"width": 390, "height": 844})
    phone.set_default_timeout(60_000)
    phone.route("https://**", lambda route: route.abort())
    phone.goto(lab.url.replace("/lab/tree/", "/notebooks/"))
    table = cell(phone, 'check("ridge_points"').locator(".jp-OutputArea table")
    table.wait_for()
    table.scroll_into_view_if_needed()
    shot(phone, "phone-check")
    # The marks at its right edge are in sight: there is nothing to scroll.
    outside = "table => table.parentElement.scrollWidth - table.parentElement.clientWidth"
    assert table.evaluate(outside) == 0
    phone.close()
