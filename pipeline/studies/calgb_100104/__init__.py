"""CALGB 100104: the only place that knows this trial."""
