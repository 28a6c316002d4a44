# Rscript stats.R FILE REPEATS: FILE holds little-endian doubles, n first, then the columns time, status,
# cause, arm, x (n each). Prints "statistic seconds", the best of REPEATS calls, for survival and cmprsk.
suppressMessages({ library(survival); library(cmprsk) })
a <- commandArgs(TRUE); con <- file(a[1], "rb"); n <- readBin(con, "double", 1)
d <- as.data.frame(matrix(readBin(con, "double", 5 * n), n, dimnames = list(NULL, c("time", "status", "cause", "arm", "x"))))
close(con)
if (all(d$time == round(d$time))) d$time <- as.integer(d$time)
for (v in c("status", "cause", "arm")) d[[v]] <- as.integer(d[[v]])
calls <- as.integer(a[2]); inner <- if (n < 5000) 20 else 1
best <- function(name, expr) {
  f <- substitute(expr); env <- parent.frame()
  t <- min(replicate(calls, system.time(for (i in seq_len(inner)) eval(f, env))[["elapsed"]])) / inner
  cat(name, format(t, digits = 8), "\n")
}
best("km", survfit(Surv(time, status) ~ 1, data = d))
best("logrank", survdiff(Surv(time, status) ~ arm, data = d))
best("cox", coxph(Surv(time, status) ~ arm, data = d))
best("cox_continuous", coxph(Surv(time, status) ~ arm + x, data = d))
# cuminc gives the curves with their variance and, between groups, Gray's test of both causes in one call
best("cif", cuminc(d$time, d$cause))
best("gray", cuminc(d$time, d$cause, d$arm))
