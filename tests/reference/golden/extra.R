# Rscript extra.R OUTDIR: more reference values, for what the data sets of 10_golden.R do not reach:
# Gray's test and cumulative incidence (K = 3, three causes, strata, heavy ties, continuous and nearly tied
# times, a group without the cause), aliased columns, nearly tied times taken as given, reverse Kaplan-Meier.
# Writes the data sets and golden_extra.csv (dataset, stat, key, value; 17 digits).
suppressMessages({ library(survival); library(cmprsk) })
out <- commandArgs(TRUE)[1]
digits17 <- function(x) trimws(formatC(as.numeric(x), digits = 17, format = "g"))
rows <- list()
emit <- function(ds, stat, key, value) rows[[length(rows) + 1]] <<- data.frame(dataset = ds, stat = stat, key = key, value = digits17(value))

m <- mgus2
etime <- with(m, ifelse(pstat == 0, futime, ptime))
event <- with(m, ifelse(pstat == 0, 2 * death, 1))
sets <- list(mgus2 = data.frame(time = etime, event = event, group = as.integer(m$sex), strat = as.integer(m$age >= 72)))
set.seed(2); n <- 100
sets$continuous <- data.frame(time = rexp(n), event = sample(0:2, n, TRUE), group = sample(1:3, n, TRUE), strat = sample(1:2, n, TRUE))
set.seed(11); n <- 240
sets$heavy <- data.frame(time = sample(1:9, n, TRUE), event = sample(0:3, n, TRUE, c(.2, .4, .3, .1)), group = sample(1:3, n, TRUE), strat = sample(1:4, n, TRUE))
set.seed(12); n <- 40
sets$sparse <- data.frame(time = sample(1:25, n, TRUE), event = sample(0:2, n, TRUE, c(.5, .2, .3)), group = rep(1:2, n / 2), strat = 1)
sets$sparse$event[sets$sparse$group == 2 & sets$sparse$event == 1] <- 0
set.seed(13); n <- 300; days <- sample(1:400, n, TRUE)
a <- days / 30.4375; b <- (days + 1000) / 30.4375 - 1000 / 30.4375
sets$neartie <- data.frame(time = ifelse(seq_len(n) %% 2, a, b), event = sample(0:2, n, TRUE), group = sample(1:2, n, TRUE), strat = sample(1:2, n, TRUE))

for (ds in names(sets)) {
  d <- sets[[ds]]; d$status <- as.integer(d$event > 0); d$x1 <- round(sin(seq_len(nrow(d))), 6)
  W <- d; W$time <- digits17(W$time); W$x1 <- digits17(W$x1)
  write.csv(W, file.path(out, paste0(ds, ".csv")), row.names = FALSE, quote = FALSE)
  at <- unique(unname(quantile(d$time, 1:10 / 10, type = 1)))
  G <- function(tag, ci) {
    tp <- timepoints(ci, at)
    for (i in rownames(tp$est)) for (j in seq_along(at)) {
      emit(ds, tag, paste0(i, "|", j, "|est"), tp$est[i, j]); emit(ds, tag, paste0(i, "|", j, "|var"), tp$var[i, j])
    }
    if (!is.null(ci$Tests)) for (k in rownames(ci$Tests)) {
      emit(ds, tag, paste0("gray|", k, "|stat"), ci$Tests[k, 1]); emit(ds, tag, paste0("gray|", k, "|p"), ci$Tests[k, 2]); emit(ds, tag, paste0("gray|", k, "|df"), ci$Tests[k, 3])
    }
  }
  G("cuminc", with(d, cuminc(time, event, group)))
  G("cuminc_rho", with(d, cuminc(time, event, group, rho = 1.5)))
  G("cuminc_all", with(d, cuminc(time, event)))
  if (length(unique(d$strat)) > 1) {
    G("cuminc_strat", with(d, cuminc(time, event, group, strata = strat)))
    G("cuminc_strat_rho", with(d, cuminc(time, event, group, strata = strat, rho = 1)))
    G("cuminc_k", with(d, cuminc(time, event, strat)))
  }
  f <- survfit(Surv(time, 1 - status) ~ 1, data = d, timefix = FALSE)
  for (nm in c("median", "0.95LCL", "0.95UCL")) emit(ds, "reverse", nm, summary(f)$table[nm])
  f <- survfit(Surv(time, status) ~ 1, data = d, timefix = FALSE)
  emit(ds, "km", "times", length(f$time))
  for (nm in c("surv", "lower", "upper")) emit(ds, "km", nm, f[[nm]][length(f$time) %/% 2])
  emit(ds, "km", "std.err", (f$surv * f$std.err)[length(f$time) %/% 2])
  d$order <- match(d$time, sort(unique(d$time)))  # survdiff 3.5-3 cannot be called with timefix = FALSE
  for (rho in c(0, 1)) {
    s <- survdiff(Surv(order, status) ~ group + strata(strat), data = d, rho = rho)
    emit(ds, paste0("logrank_strat_rho", rho), "chisq", s$chisq)
    for (i in seq_len(nrow(s$var))) for (j in seq_len(nrow(s$var))) emit(ds, paste0("logrank_strat_rho", rho), paste0("var", i, j), s$var[i, j])
  }
  d$copy <- 2 * d$x1 + 1; d$g2 <- as.integer(d$group == 2)
  for (ties in c("efron", "breslow")) {
    s <- coxph(Surv(time, status) ~ x1 + copy + g2 + strata(strat), data = d, ties = ties, control = coxph.control(timefix = FALSE))
    for (i in 1:3) { emit(ds, paste0("cox_", ties), paste0("coef", i), coef(s)[i]); emit(ds, paste0("cox_", ties), paste0("se", i), sqrt(diag(s$var))[i]) }
    for (nm in c("score", "wald.test")) emit(ds, paste0("cox_", ties), nm, s[[nm]])
    emit(ds, paste0("cox_", ties), "loglik", s$loglik[2])
  }
}
write.csv(do.call(rbind, rows), file.path(out, "golden_extra.csv"), row.names = FALSE, quote = FALSE)
cat(R.version.string, "survival", format(packageVersion("survival")), "cmprsk", format(packageVersion("cmprsk")), "\n")
