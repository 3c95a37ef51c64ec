"""Packages, dependencies and the map from folders to import names."""

import pathlib
import re

import setuptools

HERE = pathlib.Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "(.+)"$',
    (HERE / "gansynth_zoo" / "__init__.py").read_text(encoding="utf-8"),
    re.MULTILINE,
).group(1)

# Import name -> folder. Nothing but `gansynth_zoo` is installed at top level.
ROOTS = {
    "gansynth_zoo": "gansynth_zoo",
    "gansynth_zoo.datasets": "datasets",
    "gansynth_zoo.export": "export",
}
PACKAGES = [
    name
    for root, folder in ROOTS.items()
    for name in [root]
    + [f"{root}.{sub}" for sub in setuptools.find_packages(folder)]
]

# Listeners that judge what was made, for benchmarks and their tests.
LISTEN = ["librosa", "pocketsphinx"]
# The local server, and what speaks gRPC with TF Serving.
SERVE = ["fastapi>=0.115", "uvicorn>=0.30"]
SERVING = ["tensorflow-serving-api>=2.17,<2.22"]
TEST = [
    *LISTEN,
    *SERVE,
    *SERVING,
    "build",
    "hypothesis",
    "playwright",
    "pytest",
    "pytest-xdist",
    "ruff",
    "scikit-learn",
    "scipy",
    "dill",
    "importlib_resources",
]

setuptools.setup(
    name="gansynth_zoo",
    version=VERSION,
    description="Adversarial audio synthesis: WaveGAN and its successors in "
    "TensorFlow and Keras",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    package_dir=ROOTS,
    packages=PACKAGES,
    package_data={
        "gansynth_zoo": ["flagfiles/*.flags", "modules/**"],
        "gansynth_zoo.classifiers": ["*/*.json", "*/*.npz", "*/README.md"],
        "gansynth_zoo.exploring": ["page/*"],
        "gansynth_zoo.listening": ["*.html", "*.txt"],
        "gansynth_zoo.datasets": [
            "*/README.md",
            "*/CITATIONS.bib",
            "*/TAGS.txt",
            "*/checksums.tsv",
            "*/ATTRIBUTION.csv",
            "*/clips/*/*.flac",
        ],
    },
    install_requires=[
        "tensorflow>=2.17,<2.22",
        "keras>=3.5",
        "numpy",
        "soundfile",
        "soxr",
        "absl-py",
        "mido>=1.3.3",
        "matplotlib",
        "tensorflow-datasets>=4.9.4",
        "tensorflow-hub>=0.16.1",
        # tensorflow-datasets imports it there without saying so.
        "importlib_resources; python_version < '3.11'",
        # 1.18 and later need a newer protobuf than TensorFlow brings.
        "tensorflow-metadata<1.18",
        # tensorflow-hub imports pkg_resources.
        "setuptools<81",
        "tensorboard",
    ],
    extras_require={
        "tfio": ["tensorflow-io==0.37.1", "tensorflow<2.18"],
        "listen": LISTEN,
        # 1.19 needs a newer ml_dtypes than TensorFlow 2.17 brings.
        "onnx": ["tf2onnx>=1.17", "onnx!=1.19.*", "onnxruntime"],
        # In an environment of its own; without the last pip finds no set.
        "tfjs": [
            "tensorflowjs==4.22.0",
            "tensorflow<2.18",
            "tensorflow-decision-forests~=1.10.0",
        ],
        "serve": SERVE,
        "serving": SERVING,
        "test": TEST,
        # What benchmarks.phase_retrieval compares with.
        "benchmark": ["numba", "librosa", "pghipy"],
    },
)
