"""The default study's own numbers, and what is planted in simulated ones."""

from __future__ import annotations

import numpy as np

SIZES = np.log10([4e4, 2e5, 1e6, 5e6])
SEEDS = 2
GROUPS, GROUP_SIZE = 80, 3
RESAMPLES = 400
MODEL_SD, SEED_SD, CLUSTER_SD = 1.0, 1.0, 8.0
GAP, SLOPE = 20.0, -3.0
LANGUAGES = ("de", "nl", "es", "fr", "fi", "ru", "sw", "ar", "zh")
DISTANCE = np.array([1.2, 1.9, 2.3, 2.4, 3.1, 3.4, 4.3, 4.9, 5.6])
GENUS = tuple("aabbcdefg")
FAMILY = tuple("aaaabbbccdef")
FAMILY_X = np.array([8.5, 8.8, 9.6, 10.1, 8.4, 8.7, 9.5, 8.7, 10.0, 8.2, 8.4, 9.8])
LADDER = np.log10([3.0e8, 5.8e8, 1.2e9, 3.7e9, 1.3e10, 4.0e10])
