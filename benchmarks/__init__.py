"""How fast the project is, next to the same networks written plainly.

Commands, from the checkout; each prints a table and has --help:

  python -m benchmarks.training_step --preset=NAME
  python -m benchmarks.cost --out=DIR
  python -m benchmarks.generation
  python -m benchmarks.data_pipeline
  python -m benchmarks.memory
  python -m benchmarks.evaluation
  python -m benchmarks.phase_retrieval --archives=DIR
  python -m benchmarks.asked --source=NAME --reference=DATASET
  python -m benchmarks.growth
  python -m benchmarks.round_trips
  python -m benchmarks.prelude --source=NAME
  python -m benchmarks.exploring --source=NAME
  python -m benchmarks.serving_load --source=NAME
  python -m benchmarks.module_sizes --module=NAME,...
  python benchmarks/openvino_check.py write --module=FOLDER --out=DIR
  python -m benchmarks.chaos
  python -m benchmarks.local_workers -- FLAGS

What is compared takes turns within a run, and the best of its rounds, or the
median, counts.
So compare the ratios of one run, not the seconds of two.
"""
