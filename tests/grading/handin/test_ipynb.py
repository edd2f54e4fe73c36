"""What a handed-in file may cost before anything of it is graded."""

from __future__ import annotations

import json

import pytest

from helpers.grading.handin import ipynb
from helpers.grading.handin.ipynb import A_PICTURE, read_notebook


def test_a_file_of_more_values_than_the_grader_has_memory_for_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ipynb, "MAX_VALUES", 1000)
    data = json.dumps({"cells": [], "metadata": {"x": [{}] * 1000}}).encode()
    with pytest.raises(ValueError, match="the file holds too many values"):
        read_notebook(data)
    picture = "data:image/png;base64," + "A" * 100_000
    cells = [{"cell_type": "markdown", "metadata": {}, "source": f"![a]({picture})"}]
    (read,) = read_notebook(json.dumps({"cells": cells}).encode())["cells"]
    assert read["source"] == A_PICTURE


@pytest.mark.parametrize("text", ["![a [b](attachment:x.png)", "![a]\n(attachment:x.png)"])
def test_what_only_begins_like_a_picture_is_text(text: str) -> None:
    cells = [{"cell_type": "markdown", "metadata": {}, "source": text}]
    (read,) = read_notebook(json.dumps({"cells": cells}).encode())["cells"]
    assert read["source"] == text
