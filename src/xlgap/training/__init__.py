"""Training on the DeepSpeed engine: schedules of batches, ZeRO configuration, checkpoints, the loop."""
