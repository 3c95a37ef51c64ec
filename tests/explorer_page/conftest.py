"""A browser, and the explorer's server as a user starts it."""

import os
import re
import shutil
import subprocess
import sys

import driving
import pytest

from gansynth_zoo.export import saved_model


@pytest.fixture(scope="package")
def url(pitched, tmp_path_factory):
    """Where the explorer of a module is whose labels are 60, 62 and 64."""
    module = saved_model.export(
        pitched, tmp_path_factory.mktemp("zoo"), "tones"
    )
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gansynth_zoo.explore",
            f"--source={module}",
            f"--reference={pitched.path.parent / 'sounds'}",
            f"--count={driving.COUNT}",
            "--port=0",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        lines = iter(process.stdout.readline, "")
        found = (re.search(r"http://[\d.]+:\d+/", line) for line in lines)
        address = next(filter(None, found))[0]
        driving.wait_for_training_sounds(address)
        yield address
        process.terminate()


@pytest.fixture(scope="package")
def chromium():
    """A browser without a window."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed"
    )
    named = os.environ.get("GANSYNTH_ZOO_CHROMIUM")
    binary = named or shutil.which("chromium")
    with playwright.sync_playwright() as driver:
        if not binary and not os.path.exists(driver.chromium.executable_path):
            pytest.skip("no Chromium; GANSYNTH_ZOO_CHROMIUM can name one")
        browser = driver.chromium.launch(
            executable_path=binary, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, url):
    """Function: settings of a context -> the page in it, its map made.

    What the page complains of fails the test.
    """
    contexts, complaints = [], []

    def listen(page):
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: said.type == "error" and complaints.append(said.text),
        )

    def make(**settings):
        # Points stand still, so that clicks meet them.
        context = chromium.new_context(reduced_motion="reduce", **settings)
        context.set_default_timeout(20000)
        context.on("page", listen)
        contexts.append(context)
        page = context.new_page()
        page.goto(url)
        driving.wait_for_map(page)
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_page):
    return open_page()
