"""How the instruments of NSynth are dealt to the splits."""

import hypothesis
from hypothesis import strategies as st

from gansynth_zoo.datasets import prepared_audio
from gansynth_zoo.datasets.nsynth_notes import nsynth_notes_dataset_builder


def clips_of(instruments):
    """Clips of (instrument, own split), two notes each."""
    return [
        prepared_audio.Clip(
            split,
            None,
            "",
            f"{instrument}-{split}-{n}",
            {"instrument": instrument},
        )
        for instrument, split in instruments
        for n in range(2)
    ]


@hypothesis.given(
    st.sets(
        st.tuples(
            st.sampled_from([f"flute_acoustic_{n:03}" for n in range(30)]),
            st.sampled_from(["train", "validation", "test"]),
        ),
        min_size=1,
    ),
    st.randoms(),
)
def test_no_instrument_is_in_two_splits(pairs, random):
    clips = clips_of(sorted(pairs))
    dealt = nsynth_notes_dataset_builder._deal(clips)
    splits = {}
    own = {}
    for clip in clips:
        instrument = clip.features["instrument"]
        splits.setdefault(instrument, set()).add(dealt[clip.id])
        own.setdefault(instrument, set()).add(clip.split)
    assert all(len(split) == 1 for split in splits.values())
    used = [split for (split,) in splits.values()]
    if len({split for _, split in pairs}) > 1:
        for instrument, (split,) in splits.items():
            assert split in own[instrument]
    elif len(splits) > 2:
        few = max(1, len(splits) // 10)
        assert used.count("validation") == used.count("test") == few
    else:
        assert set(used) == {"train"}
    random.shuffle(clips)
    assert nsynth_notes_dataset_builder._deal(clips) == dealt
