"""The explorer's page in a browser: what is clicked, typed and played."""

import io
import json
import re
import zipfile

import numpy as np
import pytest
import soundfile
from driving import RATE
from driving import asked
from driving import pick
from driving import played
from driving import served
from driving import until
from driving import wait_for_map

from gansynth_zoo import latents as latent_priors


def test_the_map_shows_its_sounds_in_colours(page):
    colours = page.evaluate(
        """() => {
          const canvas = document.getElementById("map");
          const {data} = canvas.getContext("2d").getImageData(
            0, 0, canvas.width, canvas.height);
          const found = new Set();
          for (let i = 0; i < data.length; i += 4)
            if (data[i + 3] > 200) found.add(data.slice(i, i + 3).join());
          return found.size;
        }"""
    )
    assert colours > 10


def test_a_click_plays_the_sound_of_its_point(page, url):
    heard = pick(page, 7)
    expected = asked(url, 7)
    np.testing.assert_allclose(heard["latents"], expected["latents"])
    assert heard["label"] == expected["label"]
    assert np.abs(heard["samples"]).max() > 1e-4
    np.testing.assert_allclose(
        heard["samples"], served(url, expected), atol=1e-6
    )
    assert page.locator("#pick").inner_text().startswith("seed 7")


def test_to_hover_plays_and_picks_nothing(page):
    pick(page, 7)
    middle = page.evaluate("explorer.map.at({seed: 9})")
    page.locator("#map").hover(position=middle)
    until(page, "explorer.lastPlayed.sound.seed === 9")
    assert page.evaluate("explorer.current.seed") == 7


def test_sliders_change_the_sound_and_undo_brings_it_back(page, url):
    before = pick(page, 3)
    page.locator("#sliders input").first.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    until(
        page,
        "`${explorer.lastPlayed.sound.latents}` === "
        "`${explorer.current.latents}`",
    )
    after = played(page)
    assert np.abs(after["samples"] - before["samples"]).max() > 1e-4
    np.testing.assert_allclose(after["samples"], served(url, after), atol=1e-6)
    assert "shaped" in page.locator("#pick").inner_text()
    for _ in range(5):
        page.locator("#undo").click()
    until(page, "explorer.lastPlayed.sound.seed === 3")
    assert page.evaluate("explorer.current.latents") == before["latents"]
    assert page.locator("#sliders input").first.input_value() == "0"
    assert page.locator("#undo").is_disabled()


def test_the_pitch_changes_the_label_alone(page, url):
    before = pick(page, 4)
    page.locator("#pitch").focus()
    page.keyboard.press("End")
    until(page, "explorer.lastPlayed.sound.label === 2")
    page.keyboard.press("Home")
    until(page, "explorer.lastPlayed.sound.label === 0")
    after = played(page)
    assert after["latents"] == before["latents"]
    np.testing.assert_allclose(after["samples"], served(url, after), atol=1e-6)
    assert page.locator("#pitch-name").inner_text() == "C4 · 60"


def test_a_walk_from_a_to_b_is_rendered(page):
    first = pick(page, 1)
    page.locator("#set-a").click()
    last = pick(page, 2)
    page.locator("#set-b").click()
    page.locator("#steps").fill("5")
    page.locator("#render").click()
    until(page, "document.querySelectorAll('#walk button').length === 5")
    page.locator("#walk button").nth(1).click()
    until(page, "explorer.current.title === 'A to B, 25 %'")
    expected = latent_priors.interpolate(
        "uniform", first["latents"], last["latents"], [0.25]
    )
    np.testing.assert_allclose(
        page.evaluate("explorer.current.latents"), expected[0], atol=1e-6
    )
    with page.expect_download() as waited:
        page.locator("#save-walk").click()
    samples, _ = soundfile.read(waited.value.path())
    assert len(samples) == 5 * len(first["samples"])
    np.testing.assert_allclose(
        samples[-len(last["samples"]) :], last["samples"], atol=2**-22
    )


def test_mutations_and_crossings_are_other_sounds(page):
    parents = []
    for seed in (5, 6):
        parents.append(pick(page, seed)["latents"])
        page.locator("#keep").click()
    page.locator("#cross").click()
    until(page, "explorer.lastPlayed.sound.title === 'crossing of 2'")
    child = played(page)["latents"]
    assert child not in parents
    assert all(x in both for x, *both in zip(child, *parents, strict=True))
    page.locator("#mutate").click()
    until(page, "explorer.current.title === 'mutation 0.3'")
    mutant = page.evaluate("explorer.current.latents")
    assert 0 < np.abs(np.subtract(mutant, child)).max() <= 0.6


def test_a_random_walk_goes_on_until_it_is_stopped(page):
    start = pick(page, 5)["latents"]
    walk = page.get_by_role("button", name="Random walk")
    walk.click()
    until(page, "explorer.current.title === 'mutation 0.3'")
    first = page.evaluate("explorer.current.latents")
    until(page, f"`${{explorer.current.latents}}` !== `${{{first}}}`")
    assert walk.get_attribute("aria-pressed") == "true"
    walk.click()
    assert walk.get_attribute("aria-pressed") == "false"
    page.wait_for_timeout(400)
    last = page.evaluate("explorer.current.latents")
    page.wait_for_timeout(400)
    assert page.evaluate("explorer.current.latents") == last
    for _ in range(20):
        page.keyboard.press("Control+z")
    assert page.evaluate("explorer.current.latents") == start


def test_favourites_survive_a_reload_and_a_file(page, open_page, url, tmp_path):
    kept = pick(page, 8)
    page.locator("#keep").click()
    page.locator("#kept input[type=text]").fill("my tone")
    page.keyboard.press("Enter")
    page.reload()
    wait_for_map(page)
    assert page.locator("#kept input[type=text]").input_value() == "my tone"
    with page.expect_download() as waited:
        page.locator("#save-file").click()
    file = tmp_path / "list.json"
    waited.value.save_as(file)
    (sound,) = json.loads(file.read_text(encoding="utf-8"))["sounds"]
    assert sound["seed"] == 8
    assert sound["latents"] == asked(url, 8)["latents"]

    other = open_page()
    assert other.locator("#kept li").count() == 0
    other.locator("#open-file").set_input_files(file)
    other.get_by_role("button", name="Take my tone").click()
    until(other, "explorer.lastPlayed?.sound.title === 'my tone'")
    np.testing.assert_array_equal(played(other)["samples"], kept["samples"])
    file.write_text(file.read_text().replace('"tones"', '"drums"'))
    other.locator("#open-file").set_input_files(file)
    other.get_by_text("Expected favourites of tones").wait_for()


@pytest.mark.parametrize("bits", [16, 24])
def test_a_wav_is_saved(page, bits):
    heard = pick(page, 12)
    page.locator("#bits").select_option(str(bits))
    with page.expect_download() as waited:
        page.locator("#save").click()
    info = soundfile.info(waited.value.path())
    assert info.subtype == f"PCM_{bits}"
    samples, rate = soundfile.read(waited.value.path())
    assert rate == RATE
    np.testing.assert_allclose(
        samples, heard["samples"], atol=0.51 * 2 ** (1 - bits)
    )


def test_the_nearest_training_sounds_are_listed_and_played(page):
    pick(page, 5)
    rows = page.locator("#near li")
    rows.nth(4).wait_for()
    rows.first.get_by_role("button").click()
    until(page, "explorer.lastPlayed.sound.title.startsWith('training sound')")
    # The tones of the training set have a peak of 1.
    peak = "Math.max(...explorer.lastPlayed.buffer.getChannelData(0))"
    assert page.evaluate(peak) > 0.9


def test_ticked_favourites_are_saved_as_a_zip(page):
    for seed in (14, 15):
        pick(page, seed)
        page.locator("#keep").click()
    with page.expect_download() as waited:
        page.locator("#pack").click()
    with zipfile.ZipFile(waited.value.path()) as archive:
        waves = [n for n in archive.namelist() if n.endswith(".wav")]
        content = archive.read(waves[0])
    assert len(waves) == 2
    assert soundfile.info(io.BytesIO(content)).samplerate == 44100


def test_a_target_is_searched_with_progress(page, url, tmp_path):
    file = tmp_path / "target.wav"
    soundfile.write(file, served(url, asked(url, 1000)), RATE, "FLOAT")
    page.locator("#target").set_input_files(file)
    until(page, "document.getElementById('search-bar').value > 0")
    page.get_by_text("The search is done.").wait_for(timeout=60000)
    assert "% of the best start" in page.locator("#search-state").inner_text()
    assert page.evaluate("explorer.current.title") == "found for the target"
    page.locator("#target").set_input_files(file)
    page.locator("#cancel").click()
    page.get_by_text("The search was cancelled.").wait_for()


def test_a_file_that_is_no_sound_is_refused(chromium, url, tmp_path):
    file = tmp_path / "target.wav"
    file.write_text("no sound")
    # The console of this page may say that a request failed.
    page = chromium.new_page()
    page.goto(url)
    wait_for_map(page)
    page.locator("#target").set_input_files(file)
    page.get_by_text("cannot be used").wait_for()
    assert page.locator("#search").is_hidden()
    page.close()


def test_it_fits_a_phone(open_page):
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
    page = open_page(**phone)
    middle = page.evaluate("explorer.map.at({seed: 7})")
    page.locator("#map").tap(position=middle)
    until(page, "explorer.lastPlayed?.sound.seed === 7")
    page.locator("#keep").tap()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width == 360


def test_the_keyboard_is_enough(page):
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "map":
            break
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("ArrowRight")
    until(page, "Boolean(explorer.lastPlayed)")
    first = page.evaluate("explorer.lastPlayed.sound.seed")
    page.keyboard.press("ArrowRight")
    until(page, f"explorer.lastPlayed.sound.seed !== {first}")
    second = page.evaluate("explorer.lastPlayed.sound.seed")
    assert page.evaluate("explorer.current") is None
    page.keyboard.press("Enter")
    until(page, f"explorer.current?.seed === {second}")
    started = page.evaluate("explorer.lastPlayed.started")
    page.keyboard.press("Space")
    until(page, f"explorer.lastPlayed.started > {started}")
    page.keyboard.press("k")
    assert page.locator("#kept li").count() == 1
    page.keyboard.press("m")
    until(page, "explorer.current.title === 'mutation 0.3'")
    page.keyboard.press("Control+z")
    until(page, f"explorer.current.seed === {second}")


def test_the_token_is_asked_for_once(chromium, url):
    context = chromium.new_context()
    page = context.new_page()
    asked_for = []

    def guard(route):
        given = route.request.headers.get("authorization")
        asked_for.append(given)
        if given == "Bearer right":
            route.continue_()
        else:
            route.fulfill(status=401, json={"error": "Expected the header."})

    page.route(re.compile("/explore/|/v1/"), guard)
    page.goto(url)
    for token in ("wrong", "right"):
        page.locator("#token").fill(token)
        page.keyboard.press("Enter")
    wait_for_map(page)
    page.reload()
    wait_for_map(page)
    context.close()
    assert asked_for[:3] == [None, "Bearer wrong", "Bearer right"]
    assert set(asked_for[3:]) == {"Bearer right"}
