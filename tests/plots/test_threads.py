"""Pictures of kernels: what they draw is what threads, tiles and clocks do."""

import pytest

from helpers.plots.threads import global_index, halvings, product_tiles, times


def test_every_element_has_one_thread_and_the_surplus_threads_are_dashed():
    (ax,) = global_index(elements=11, threads=4).axes
    lower = sorted((text for text in ax.texts if text.get_position()[1] < 1.5),
                   key=lambda text: text.get_position()[0])  # fmt: skip
    # 3 blocks of 4 threads for 11 elements: the twelfth thread has none
    assert [text.get_text() for text in lower][1:] == [*map(str, range(11)), "–"]
    dashed = [patch for patch in ax.patches if patch.get_linestyle() == "--"]
    assert len(dashed) == 2  # the thread, and the place where its element would be
    assert "1 thread has nothing to do" in ax.get_title("left") + ax.get_title()


def test_a_block_fetches_a_row_of_tiles_and_a_column_of_tiles():
    a, b, out = product_tiles(12, 4, row=1, column=2).axes
    tiles = [
        [patch.get_xy() for patch in ax.patches if patch.get_width() == 4] for ax in (a, b, out)
    ]
    # y grows upwards: tile row 1 of 3 begins at 4
    assert tiles == [[(0, 4), (4, 4), (8, 4)], [(8, 8), (8, 4), (8, 0)], [(8, 4)]]


@pytest.mark.parametrize("log", [False, True])
def test_a_bar_or_a_dot_is_at_the_median_and_its_line_spans_all_runs(log):
    ax = times({"slow": [0.3, 0.1, 0.2], "fast": [0.01, 0.03, 0.02]}, "title", log=log)
    ends = ax.lines[0].get_xdata() if log else [patch.get_width() for patch in ax.patches]
    assert list(ends) == pytest.approx([200, 20])
    assert (ax.get_xscale() == "log") is log is not bool(ax.patches)
    (lines,) = [c for c in ax.collections if hasattr(c, "get_segments")]
    spans = [(segment[0][0], segment[1][0]) for segment in lines.get_segments()]
    assert spans == [pytest.approx((100, 300)), pytest.approx((10, 30))]
    assert ax.get_xlabel().startswith("ms")


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        global_index(0, 4)
    with pytest.raises(ValueError, match="multiple of 4"):
        product_tiles(10, 4, 0, 0)
    with pytest.raises(ValueError, match="at least one time"):
        times({"never": []}, "title")


def test_a_block_is_halved_until_one_holds_all():
    (ax,) = halvings(8).axes
    said = [text.get_text() for text in ax.texts]
    assert [line for line in said if "add" in line] == ["4 add", "2 add", "1 add"]
    assert said.count("8 of 8") == 1
    with pytest.raises(ValueError, match="power of two"):
        halvings(6)
