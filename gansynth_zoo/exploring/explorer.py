"""What there is to explore of one model, and what runs in the background."""

import secrets

from gansynth_zoo.exploring import jobs
from gansynth_zoo.exploring import target

# Seconds in which what runs has to end when it is told to.
LAST_SECONDS = 30


class Explorer:
    """What there is to explore.

    Attributes:
      instrument: an `instrument.Instrument`.
      sound_map: its `sound_map.SoundMap`.
      training: a `nearest.TrainingSounds`, or None.
      search: the newest `Search`, or None.

    Args:
      instrument: as of the attributes.
      sound_map: as of the attributes.
      training: as of the attributes.
    """

    def __init__(self, instrument, sound_map, training=None):
        self.instrument = instrument
        self.sound_map = sound_map
        self.training = training
        self.search = None

    def close(self):
        """Ends what runs in the background."""
        running = [
            part.job
            for part in (self.sound_map, self.training, self.search)
            if part
        ]
        for job in running:
            job.cancel()
        for job in running:
            job.wait(LAST_SECONDS)


class Search:
    """A target that is searched in the background.

    Attributes:
      id: by which it is asked for.
      job: its `jobs.Job`.
      found: the newest `target.Found`, None at first.

    Args:
      instrument: an `instrument.Instrument`.
      waveform: the target, float32 `[samples, channels]`.
    """

    def __init__(self, instrument, waveform):
        self.id = secrets.token_hex(8)
        self.found = None

        def work(job):
            for self.found in target.search(instrument, waveform):
                job.tell(self.found.step, self.found.of)

        self.job = jobs.Job(work)

    def as_json(self):
        """The search as it is now: plain lists and numbers."""
        found, job = self.found, self.job
        answer = {
            "state": job.state,
            "step": job.done,
            "of": job.of,
            "seconds_left": job.seconds_left,
            "loss": found and found.loss,
            "start_loss": found and found.start_loss,
            "latents": found and found.latents.tolist(),
            "label": found and found.label,
        }
        return {**answer, "error": job.error} if job.error else answer
