import dataclasses

import pytest

from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import presets
from gansynth_zoo import settings


@pytest.mark.parametrize("name", presets.PRESETS)
def test_json_both_ways(name):
    preset = presets.get(name)
    assert config.from_json(config.to_json(preset)) == preset


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "x", "who": 1}'])
def test_other_json_is_refused(text):
    with pytest.raises(errors.ZooError, match="JSON of a preset"):
        config.from_json(text)


def test_replace_reaches_every_section():
    preset = presets.get("wavegan_drums")
    changed = config.replace(
        preset, {"channels": 2, "dim": 8, "n_critic": 3, "steps": 7}
    )
    assert changed.audio.channels == 2
    assert changed.model.dim == 8
    assert changed.recipe.n_critic == 3
    assert changed.train.steps == 7
    assert config.replace(changed, {}) == changed


def test_replace_refuses_a_setting_of_no_section():
    with pytest.raises(errors.ZooError, match="no setting stripes"):
        config.replace(presets.get("wavegan_drums"), {"stripes": 2})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("batch_size", 0),
        ("beta_1", float("nan")),
        ("window", "middle"),
        ("sample_rate", -1),
    ],
)
def test_a_wrong_value_is_named(setting, value):
    with pytest.raises(errors.ZooError, match=f"Expected {setting} to be"):
        config.replace(presets.get("wavegan_drums"), {setting: value})


def test_differences_leave_out_what_may_change_in_a_run():
    preset = presets.get("wavegan_drums")
    longer = config.replace(preset, {"steps": 5, "preview_seconds": 1})
    wider = config.replace(longer, {"dim": 5, "seed": 4})
    assert config.differences(preset, longer) == []
    assert config.differences(preset, wider) == ["dim", "seed"]


def test_every_setting_has_a_name_of_its_own():
    names = [
        field.name
        for section in config.sections(presets.get("wavegan_sc09")).values()
        for field in settings.of(section)
    ]
    assert len(set(names)) == len(names)


def test_presets_are_named_as_they_are_found():
    for name, preset in presets.PRESETS.items():
        assert preset.name == name
        assert dataclasses.is_dataclass(preset)


def test_an_unknown_preset_lists_the_known_ones():
    with pytest.raises(errors.ZooError, match="wavegan_sc09,") as caught:
        presets.get("wavgan_sc09")
    assert "did you mean wavegan_sc09?" in str(caught.value)
