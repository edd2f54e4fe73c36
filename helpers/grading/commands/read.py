"""`course read`: a page on this machine to read the answers to a question."""

from __future__ import annotations

import asyncio
import threading
import webbrowser
from pathlib import Path

from helpers.grading.nbgrader.config import load_config


def read_command(course: Path, unit: str, question: str, port: int, browser: bool) -> None:
    """Serve the page until Ctrl+C. ValueError where there is nothing to read."""
    # First, since it has nbgrader imported in less than half of the time.
    load_config(course)
    from helpers.grading.manual_grading.reader import Reader
    from helpers.grading.manual_grading.server import Server

    with Reader(course, unit, question) as reader:
        # Grouping is what takes time: it is done before the page asks.
        state = reader.state()
        waiting = sum(each["waits"] for each in state["answers"])
        server = Server(reader, port)
        print(f"{unit}, {question}: {len(state['answers'])} answers, {waiting} to be read")
        print(
            f"Read them at {server.address} (Ctrl+C ends it; all that is marked is saved)",
            flush=True,
        )
        if browser:
            # Some browsers keep whoever opens them.
            threading.Thread(target=webbrowser.open, args=(server.address,), daemon=True).start()
        try:
            asyncio.run(server.run())
        except KeyboardInterrupt:
            print()
