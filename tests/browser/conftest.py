"""A real Jupyter server and a real browser."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.grading.commands import doctor

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SETTINGS = {
    "notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
    "apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false"},
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=doctor.chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page in a profile of its own, that reaches this machine only."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    context.route(
        lambda address: not address.startswith(("http://127.0.0.1:", "data:", "blob:", "file:")),
        lambda route: route.abort(),
    )
    yield context.new_page()
    context.close()


@pytest.fixture
def shot() -> Callable[[Any, str], None]:
    """Takes a picture of a whole page, for people: into the folder that SCREENSHOTS names."""

    def take(page: Any, name: str) -> None:
        if "SCREENSHOTS" in os.environ:
            page.screenshot(path=f"{os.environ['SCREENSHOTS']}/{name}.png", full_page=True)

    return take


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], str]]:
    """Starts Jupyter in a folder and gives its address; no token, this machine only."""
    servers = []

    def start(folder: Path) -> str:
        own = tmp_path_factory.mktemp("jupyter")
        environment = {
            **os.environ,
            # Of this environment only: no settings of the person's who runs the tests.
            "JUPYTER_CONFIG_DIR": str(own / "config"),
            "JUPYTER_DATA_DIR": str(own / "data"),
            "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
            "IPYTHONDIR": str(own / "ipython"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        # All cells in the page, not those in sight only; no question about news.
        for name, said in SETTINGS.items():
            file = own / "config/lab/user-settings/@jupyterlab" / name
            file.parent.mkdir(parents=True)
            file.write_text(json.dumps(said))
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
        command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--IdentityProvider.token="]
        command += ["--ServerApp.disable_check_xsrf=True"]
        log = own / "log"
        with log.open("w") as out:
            server = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=out)
        servers.append(server)
        return _address(server, own / "runtime", log)

    yield start
    for server in servers:
        server.terminate()
        server.wait(30)


def _address(server: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up and server.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            address = json.loads(file.read_text())["url"]
            try:
                urllib.request.urlopen(f"{address}api/status", timeout=5).close()
            except OSError:
                continue
            return address
        time.sleep(0.2)
    raise RuntimeError(f"Jupyter did not start:\n{log.read_text()[-3000:]}")
