"""Statistical kernels: numpy arrays in, small frozen results out.

`risk_table` counts who is at risk and what happened; `survival`, `competing` and `counts` hold the
estimators and tests over those counts. What does not belong here: data frames, CDISC names, endpoints,
rounding, words, figures, and anything of ours outside this package.
"""
