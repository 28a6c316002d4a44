"""A made-up trial: patients, their forms, and later their faults. It may not import what it tests."""
