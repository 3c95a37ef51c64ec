"""Checkpoints of the original implementations: what each says, and where.

A module for each has the same: `PRESET`, which settings that nothing tells are
taken from; `ROOTS`, what the names of each network's variables begin with;
`UNUSED`, a pattern of those of no use, and `AVERAGE`, the end of the names of
averaged weights, or None; and the functions `settings`, `recipe`, `step`,
`generator` and `discriminator`.
"""
