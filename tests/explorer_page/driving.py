"""What a test does on the explorer's page, and what it asks without it."""

import json
import time
import urllib.error
import urllib.request

import numpy as np

COUNT = 200
RATE = 16000


def until(page, expression, seconds=20):
    """Waits; not by the browser, whose policy for this page forbids it."""
    last = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < last, expression
        page.wait_for_timeout(20)


def wait_for_training_sounds(url):
    body = json.dumps(asked(url, 0)).encode()
    last = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{url}explore/nearest", body).close()
            return
        except urllib.error.HTTPError as error:
            assert error.code == 503 and time.monotonic() < last
            error.close()
        time.sleep(0.1)


def wait_for_map(page):
    until(page, "document.getElementById('map-progress').hidden", 60)


def pick(page, seed):
    """Clicks on the point of a seed; what was played then."""
    middle = page.evaluate(f"explorer.map.at({{seed: {seed}}})")
    page.locator("#map").click(position=middle)
    until(page, f"explorer.current?.seed === {seed}")
    until(page, f"explorer.lastPlayed?.sound.seed === {seed}")
    return played(page)


def played(page):
    """What the page played last: latents, label and samples."""
    said = page.evaluate(
        "({...explorer.lastPlayed.sound, samples: "
        "Array.from(explorer.lastPlayed.buffer.getChannelData(0))})"
    )
    return {**said, "samples": np.array(said["samples"])}


def served(url, sound):
    """The samples that the server makes of a sound, asked without the page."""
    inputs = {"latents": [sound["latents"]], "labels": [sound["label"]]}
    with urllib.request.urlopen(f"{url}explore/about") as answer:
        place = json.load(answer)["predict"]
    body = json.dumps({"inputs": inputs}).encode()
    request = urllib.request.Request(f"{url}{place[1:]}", body)
    with urllib.request.urlopen(request) as answer:
        return np.array(json.load(answer)["outputs"])[0, :, 0]


def asked(url, seed):
    """Latents and label of a seed, asked without the page."""
    with urllib.request.urlopen(f"{url}explore/latents?seeds={seed}") as answer:
        made = json.load(answer)
    return {"latents": made["latents"][0], "label": made["labels"][0]}
