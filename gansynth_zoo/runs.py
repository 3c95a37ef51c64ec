"""A run: the folder of one training, from which it can go on.

`config.json` is the resolved preset, `data.json` says what was trained on,
`checkpoints/<step>/` and `best/<step>/` are whole or absent, `previews/`,
`summaries/`, `health.txt` and `profile.txt` are for people.
"""

import contextlib
import json
import pathlib
import shutil

import numpy as np
import tensorflow as tf

from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import storage

# The shelves of checkpoints, folders of a run, and what each is called.
NEWEST, BEST = "checkpoints", "best"
SHELVES = {"newest": NEWEST, "best": BEST}
_MIB = 2**20
_SUMS = "sha256.json"
_FACTS = "facts.json"


class Run:
    """The folder of a run, which need not exist yet.

    Args:
      path: the folder.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)

    @property
    def previews(self):
        """Folder of the previews."""
        return self.path / "previews"

    @property
    def summaries(self):
        """Folder of the TensorBoard summaries."""
        return self.path / "summaries"

    def exists(self):
        """Whether a run was started here."""
        return (self.path / "config.json").is_file()

    def read_preset(self):
        """The resolved preset of the run.

        Raises:
          ZooError: if no run was started here.
        """
        if not self.exists():
            raise errors.ZooError(
                f"Expected the folder of a run, received {str(self.path)!r}, "
                "which has no config.json; python -m gansynth_zoo.train "
                "makes one."
            )
        return config.from_json(
            (self.path / "config.json").read_text(encoding="utf-8")
        )

    def write_preset(self, preset):
        """Keeps the resolved preset."""
        self.path.mkdir(parents=True, exist_ok=True)
        storage.write_text(self.path / "config.json", config.to_json(preset))

    def read_data(self):
        """What the run was trained on, a dictionary of plain values."""
        return json.loads((self.path / "data.json").read_text("utf-8"))

    def write_data(self, about):
        """Keeps what the run is trained on."""
        self.path.mkdir(parents=True, exist_ok=True)
        text = json.dumps(about, indent=2) + "\n"
        storage.write_text(self.path / "data.json", text)

    @contextlib.contextmanager
    def locked(self):
        """Keeps a second training out of the folder; a kill releases it.

        What a training that was killed left half-written is removed.

        Raises:
          ZooError: if another process trains here.
        """
        with storage.locked(self.path / "lock", self._refuse):
            storage.remove_partial(self.path)
            yield

    def _refuse(self):
        raise errors.ZooError(
            f"Another training is writing to {str(self.path)!r}; wait for it, "
            "stop it, or choose another --run_dir."
        )

    def steps(self, shelf=NEWEST):
        """Steps of the checkpoints of a shelf, newest first."""
        names = [path.name for path in (self.path / shelf).glob("[0-9]*")]
        return sorted((int(name) for name in names), reverse=True)

    def save(self, gan, keep):
        """Writes a checkpoint, whole or not at all, and drops old ones.

        Args:
          gan: an `audio_gan.AudioGAN`.
          keep: how many checkpoints stay.

        Returns:
          The step.

        Raises:
          ZooError: if a weight is not finite, or writing fails; the
            checkpoints before it stay as they are.
        """
        return self._save(gan, NEWEST, keep, {})

    def save_best(self, gan, measure):
        """Writes a checkpoint in the place of the best one before.

        Args:
          gan: an `audio_gan.AudioGAN`.
          measure: float by which it is the best.

        Raises:
          ZooError: as `save`.
        """
        self._save(gan, BEST, 1, {"measure": measure})

    def best_measure(self):
        """The measure of the best checkpoint.

        Infinite if there is none that is undamaged.
        """
        for step in self.steps(BEST):
            folder = self._folder(BEST, step)
            if _undamaged(folder):
                text = (folder / _FACTS).read_text("utf-8")
                return float(json.loads(text)["measure"])
        return float("inf")

    def check_room(self, gan):
        """Refuses a disk without room for a checkpoint.

        Args:
          gan: an `audio_gan.AudioGAN`.

        Raises:
          ZooError: if it has none.
        """
        if shutil.disk_usage(self.path).free < _size(gan):
            raise self._full(gan, "no room is left")

    def find_shortage(self, gan, keep):
        """Looks whether the disk has room for the checkpoints to come.

        Args:
          gan: an `audio_gan.AudioGAN`.
          keep: how many checkpoints stay.

        Returns:
          A sentence if it has not, else None.
        """
        free = shutil.disk_usage(self.path).free
        # One is written before another goes, and previews take their part.
        wanted = _size(gan) * (2 + max(0, keep - len(self.steps())))
        if free >= wanted:
            return None
        return (
            f"Warning: only {free / _MIB:.0f} MiB are free where "
            f"{str(self.path)!r} is, and the checkpoints to come may take "
            f"{wanted / _MIB:.0f} MiB; make room before it is full."
        )

    def _full(self, gan, reason):
        return errors.ZooError(
            f"The checkpoint of step {int(gan.step.numpy())} could not be "
            f"written to {str(self.path)!r} ({reason}); make room there and "
            "start the same command again, it goes on from step "
            f"{max(self.steps(), default=0)}."
        )

    def _save(self, gan, shelf, keep, facts):
        step = int(gan.step.numpy())
        _check_finite(gan, step)
        target = self._folder(shelf, step)
        if target.is_dir():
            if _undamaged(target):
                return step
            shutil.rmtree(target)
        try:
            with storage.folder_written_whole(
                target, temporary_in=self.path
            ) as partial:
                _tracked(gan).write(str(partial / "checkpoint"))
                storage.write_text(partial / _FACTS, json.dumps(facts))
                sums = {p.name: storage.sha256(p) for p in partial.iterdir()}
                storage.write_text(partial / _SUMS, json.dumps(sums))
        except (OSError, tf.errors.OpError) as error:
            raise self._full(gan, _reason(error)) from error
        # Later ones are damaged, or of a course that was left.
        before = [other for other in self.steps(shelf) if other < step]
        for other in self.steps(shelf):
            if other != step and other not in before[: keep - 1]:
                shutil.rmtree(self._folder(shelf, other))
        return step

    def restore(self, gan, warn=print, shelf=NEWEST):
        """Restores the newest checkpoint that is undamaged.

        Args:
          gan: an `audio_gan.AudioGAN` with the networks of the run.
          warn: function that is told of a damaged checkpoint.
          shelf: `NEWEST`, or `BEST` for the one that measured best.

        Returns:
          The step, 0 where there is no checkpoint.

        Raises:
          ZooError: if there are checkpoints and all are damaged.
        """
        damaged = []
        for step in self.steps(shelf):
            folder = self._folder(shelf, step)
            if _undamaged(folder):
                for other in damaged:
                    warn(
                        f"The checkpoint of step {other} is damaged; going on "
                        f"from the one before, step {step}."
                    )
                path = str(folder / "checkpoint")
                _tracked(gan).read(path).assert_consumed()
                return step
            damaged.append(step)
        if damaged:
            remedy = {
                NEWEST: "choose another --run_dir to start anew",
                BEST: "take --checkpoint=newest",
            }
            raise errors.ZooError(
                f"All checkpoints in {str(self.path / shelf)!r} are damaged; "
                f"{remedy[shelf]}."
            )
        return 0

    def _folder(self, shelf, step):
        return self.path / shelf / f"{step:08d}"


def _undamaged(folder):
    try:
        sums = json.loads((folder / _SUMS).read_text("utf-8"))
        return all(storage.sha256(folder / k) == v for k, v in sums.items())
    except (OSError, ValueError):
        return False


def _tracked(gan):
    """All state of a training.

    Variables are listed one by one: of a Keras layer's own lists of layers,
    `tf.train.Checkpoint` would save nothing, and not say so.
    """
    return tf.train.Checkpoint(**_state(gan))


def _state(gan):
    parts = {
        "generator": gan.generator,
        "discriminator": gan.discriminator,
        "average": gan.average,
        "generator_optimizer": gan.generator_optimizer,
        "discriminator_optimizer": gan.discriminator_optimizer,
    }
    variables = {k: [v.value for v in p.variables] for k, p in parts.items()}
    return {"step": gan.step, **variables}


def _size(gan):
    """Bytes of a checkpoint, but for the names in it."""
    variables = tf.nest.flatten(_state(gan))
    return sum(v.dtype.size * v.shape.num_elements() for v in variables)


def _check_finite(gan, step):
    for network in (gan.generator, gan.discriminator):
        for weight in network.variables:
            if not np.isfinite(np.sum(np.asarray(weight))):
                raise errors.ZooError(
                    f"The weight {weight.path} is not finite at step {step}; "
                    "the checkpoint before it is kept. Try a lower learning "
                    "rate."
                )


def _reason(error):
    return getattr(error, "strerror", None) or str(error).splitlines()[0]
