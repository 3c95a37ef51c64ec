"""gansynth_zoo: adversarial audio synthesis in TensorFlow and Keras.

WaveGAN, SpecGAN, TiFGAN and GANSynth behind one loader, trainer, evaluator and
exporter. Importing the package lets `tensorflow_hub.load` find modules by name.
"""

import pathlib

__version__ = "0.1.0"

# `datasets/` and `export/` lie beside this folder in a checkout and inside it
# once installed. A regular install used from within a checkout finds this
# folder first, so the checkout has to answer for both.
_checkout = pathlib.Path(__file__).resolve().parent.parent
if all((_checkout / f).is_file() for f in ("setup.py", "export/__main__.py")):
    __path__.append(str(_checkout))

from gansynth_zoo import hub  # noqa: E402

hub.register()
