"""What readers are given: tables, figures, files for exchange.

An output shows numbers that the analysis has made and turns them into printed words. What does not
belong here: computing a number; an output that needs one asks for a row in `results` or `curves`.
"""

NOTE = "Synthetic data: not the trial's patients."
"""Stands on everything that leaves the pipeline."""
