"""Statistical kernels: numpy arrays in, small frozen results out.

`risk_table` counts who is at risk and what happened, `inference` turns scores into P values; `survival`
(with `cox`), `competing` and `counts` hold the estimators and tests; `switching`
asks what a trial would have shown without crossover; `sequential` (with `crossing`) designs a trial with
interim looks. What does not belong here: data frames, CDISC names, endpoints, rounding, words,
figures, and anything of ours outside this package.
"""
