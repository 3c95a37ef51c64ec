"""What the explorer's page asks of its server, beside predictions."""

import asyncio
import json
import re
import tempfile

import fastapi
import numpy as np
import tensorflow as tf

from gansynth_zoo import errors
from gansynth_zoo.exploring import explorer as explorers
from gansynth_zoo.exploring import packs
from gansynth_zoo.exploring import page_files
from gansynth_zoo.exploring import target
from gansynth_zoo.export import rest
from gansynth_zoo.export import rest_model

Refused = rest_model.Refused

# Seconds of a target at the most.
_TARGET_SECONDS = 60
_ABOUT = (
    "version",
    "sample_rate",
    "num_samples",
    "channels",
    "latent_size",
    "latent_prior",
    "latent_truncation",
    "labels",
)


def add(app, explorer, limits):
    """Adds the page and what it asks for to the application of a server.

    Args:
      app: what `rest.app` made.
      explorer: an `explorer.Explorer`.
      limits: the `rest_model.Limits` of the server.
    """
    router = fastapi.APIRouter(prefix="/explore")
    queue = app.state.queue
    _add_model(router, explorer, queue, limits)
    _add_training(router, explorer, queue, limits)
    _add_search(router, explorer, queue, limits)
    _add_packs(router, explorer, queue, limits)
    app.include_router(router)
    # Beside those of the application, these are not guarded.
    app.router.routes.extend(page_files.page_routes())


def _add_model(router, explorer, queue, limits):
    """What the model is, its map and its directions."""
    instrument = explorer.instrument
    facts, name = instrument.facts, instrument.facts["name"]

    @router.get("/about")
    async def about():
        training = explorer.training
        return {
            "name": name,
            **{key: facts[key] for key in _ABOUT},
            "pitched": instrument.pitched,
            "predict": f"/v1/models/{name}:predict",
            "reference": training and training.name,
            "limits": {
                "rows": limits.rows,
                "sounds": packs.SOUNDS,
                "bytes": limits.body_bytes,
                "seconds": _TARGET_SECONDS,
            },
        }

    @router.get("/latents")
    async def latents(seeds: str = ""):
        made, labels = await queue.run(
            instrument.of_seeds, _seeds(seeds, limits.rows)
        )
        return _written({"latents": made.tolist(), "labels": labels.tolist()})

    @router.get("/map")
    async def map_():
        return _written(explorer.sound_map.as_json())

    @router.get("/directions")
    async def directions():
        found = explorer.sound_map.directions
        return _written({"directions": [one.as_json() for one in found]})


def _add_training(router, explorer, queue, limits):
    """The training sounds that are nearest to a sound."""

    def ready():
        training = explorer.training
        if training is None:
            raise Refused(
                404, "Expected --reference, which names the training sounds."
            )
        if training.job.state == "running":
            raise Refused(503, "The training sounds are being read; ask again.")
        if training.job.error:
            raise Refused(404, training.job.error)
        return training

    @router.post("/nearest")
    async def nearest(request: fastapi.Request):
        training = ready()
        asked = rest_model.parse(await rest.read(request, limits))
        pick = _pick(asked, explorer.instrument)

        def find():
            sounds = explorer.instrument.sounds(
                pick.latents[np.newaxis], np.array([pick.label])
            )
            return training.nearest(sounds[0])

        found, typical = await queue.run(find)
        return {
            "sounds": [
                {
                    "index": number,
                    "name": f"training sound {number}",
                    "distance": round(distance, 3),
                    "url": f"/explore/training/{number}.wav",
                }
                for number, distance in found
            ],
            "typical": round(typical, 3),
        }

    @router.get("/training/{file}")
    async def sound(file: str):
        match = re.fullmatch(r"([0-9]{1,9})\.wav", file)
        if not match:
            raise Refused(404, "Expected the number of a sound and .wav.")
        try:
            waveform = ready().sound(int(match[1]))
        except errors.ZooError as error:
            raise Refused(404, str(error)) from error
        rate = explorer.instrument.facts["sample_rate"]
        return fastapi.Response(
            packs.wave_bytes(waveform, rate), media_type="audio/wav"
        )


def _add_search(router, explorer, queue, limits):
    """The latents nearest to a sound that is sent."""

    def named(name):
        if explorer.search is None or explorer.search.id != name:
            raise Refused(404, "Expected the newest search of this server.")
        return explorer.search

    @router.post("/find")
    async def start(request: fastapi.Request):
        body = await rest.read(request, limits)
        waveform = await queue.run(
            _read_target, body, explorer.instrument.facts
        )
        busy = Refused(409, "Another search runs; wait for it, or cancel.")
        last = explorer.search
        # One that was cancelled may have a part to end.
        seconds = (
            explorers.LAST_SECONDS if last and last.job.is_cancelled else 0
        )
        if last and not await asyncio.to_thread(last.job.wait, seconds):
            raise busy
        if explorer.search is not last:
            raise busy
        explorer.search = explorers.Search(explorer.instrument, waveform)
        return {"job": explorer.search.id}

    @router.get("/find/{name}")
    async def state(name: str):
        return named(name).as_json()

    @router.delete("/find/{name}")
    async def cancel(name: str):
        named(name).job.cancel()
        return {}


def _add_packs(router, explorer, queue, limits):
    """Picked sounds as a zip."""

    @router.post("/pack")
    async def pack(request: fastapi.Request):
        asked = rest_model.parse(await rest.read(request, limits))
        listed, kind = asked.get("sounds"), asked.get("kind")
        rate = asked.get("rate", packs.RATES[0])
        if kind not in packs.KINDS or rate not in packs.RATES:
            kinds, rates = (
                " or ".join(map(str, known))
                for known in (packs.KINDS, packs.RATES)
            )
            raise Refused(
                400,
                f"Expected the kind {kinds} and the rate {rates}, received "
                "others.",
            )
        if not isinstance(listed, list):
            raise Refused(400, "Expected a list of sounds.")
        picks = [
            _pick(one, explorer.instrument) for one in listed[: packs.SOUNDS]
        ]
        if len(picks) < len(listed):
            raise Refused(
                400,
                f"Expected {packs.SOUNDS} sounds at the most, received "
                f"{len(listed)}.",
            )
        content = await queue.run(
            packs.make, explorer.instrument, picks, kind, int(rate)
        )
        return fastapi.Response(
            content,
            media_type="application/zip",
            headers={"Content-Disposition": "attachment; filename=picks.zip"},
        )


def _written(value):
    # FastAPI would look at each of thousands of numbers.
    return fastapi.Response(json.dumps(value), media_type="application/json")


def _seeds(text, most):
    """Numbers with commas between -> list of ints."""
    words = text.split(",")
    if not all(re.fullmatch("[0-9]{1,18}", word) for word in words):
        raise Refused(400, "Expected seeds=1,2,3, whole numbers from 0 on.")
    if len(words) > most:
        raise Refused(
            400, f"Expected {most} seeds at the most, received {len(words)}."
        )
    return [int(word) for word in words]


def _pick(asked, instrument):
    """{"latents", "label", "name"} of JSON -> `packs.Pick`."""
    if not isinstance(asked, dict) or "latents" not in asked:
        raise Refused(400, "Expected a sound with its latents and label.")
    size = instrument.facts["latent_size"]
    spec = tf.TensorSpec([size], tf.float32)
    latents = rest_model.as_array(asked["latents"], spec, "latents")
    label = rest_model.as_array(
        asked.get("label") or 0, tf.TensorSpec([], tf.int32), "label"
    )
    if not 0 <= label < max(1, len(instrument.names)):
        raise Refused(400, f"Expected the number of a label, received {label}.")
    return packs.Pick(latents, int(label), str(asked.get("name", "")))


def _read_target(body, facts):
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        return target.read(file.name, "The sound", facts, _TARGET_SECONDS)
