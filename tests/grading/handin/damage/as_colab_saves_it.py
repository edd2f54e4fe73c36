"""Ids in the metadata only, a badge on top, metadata of its own."""

from tests.grading import sample
from tests.grading.handin.damage import EVERYTHING, Notebook

EXPECTED = EVERYTHING


def damage(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        each.pop("id", None)
        each["metadata"] |= {"colab": {"base_uri": "https://localhost:8080/"}, "outputId": "a"}
    badge = sample.added_cell('<a href="#">Open in Colab</a>', "markdown")
    notebook["cells"].insert(0, badge | {"metadata": {"id": "view-in-github"}})
    notebook["metadata"] |= {"colab": {"provenance": []}, "accelerator": "GPU"}
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}
    notebook["nbformat_minor"] = 0
