# Rscript survival.R adtte.csv out.csv: the printed survival statistics from an exported ADTTE (R >= 4, survival, cmprsk)
suppressMessages({library(survival); library(cmprsk)})
a <- commandArgs(TRUE); d <- read.csv(a[1], stringsAsFactors = FALSE); out <- list()
put <- function(analysis, group, level, statistic, value) out[[length(out) + 1]] <<-
  data.frame(ANALYSIS = analysis, GROUP = group, LEVEL = level, STATISTIC = statistic,
             VALUE = trimws(formatC(as.numeric(value), digits = 17, format = "g")))
month <- 30.4375
for (p in c("TTP", "OS", "EFS")) {
  x <- d[d$PARAMCD == p, ]; x$event <- as.integer(x$CNSR == 0); x$len <- as.integer(x$TRT01PN == 1)
  for (g in c("LEN", "PBO")) {
    y <- x[x$len == (g == "LEN"), ]; f <- survfit(Surv(AVAL, event) ~ 1, data = y); t <- summary(f)$table
    k <- paste0(p, "_KM"); put(k, g, "", "n", nrow(y)); put(k, g, "", "events", sum(y$event))
    put(k, g, "", "median", t["median"]); put(k, g, "", "median_lower", t["0.95LCL"]); put(k, g, "", "median_upper", t["0.95UCL"])
    s <- summary(f, times = 36 * month, extend = TRUE)
    put(k, g, "36", "rate", s$surv); put(k, g, "36", "rate_lower", s$lower); put(k, g, "36", "rate_upper", s$upper)
  }
  for (strat in c(FALSE, TRUE)) {
    tail <- if (strat) "_STRAT" else ""; rhs <- if (strat) " + strata(STRATAR)" else ""
    lr <- survdiff(as.formula(paste0("Surv(AVAL, event) ~ len", rhs)), data = x)
    put(paste0(p, "_LOGRANK", tail), "LEN:PBO", "", "chisq", lr$chisq)
    put(paste0(p, "_LOGRANK", tail), "LEN:PBO", "", "p", pchisq(lr$chisq, 1, lower.tail = FALSE))
    m <- coxph(as.formula(paste0("Surv(AVAL, event) ~ len", rhs)), data = x); ci <- summary(m)$conf.int
    put(paste0(p, "_COX", tail), "LEN:PBO", "", "coef", coef(m)); put(paste0(p, "_COX", tail), "LEN:PBO", "", "se", sqrt(vcov(m)))
    put(paste0(p, "_COX", tail), "LEN:PBO", "", "hr", ci[1]); put(paste0(p, "_COX", tail), "LEN:PBO", "", "hr_lower", ci[3])
    put(paste0(p, "_COX", tail), "LEN:PBO", "", "hr_upper", ci[4])
  }
}
x <- d[d$PARAMCD == "OS", ]
put("FOLLOWUP", "TOTAL", "", "reverse_km", summary(survfit(Surv(AVAL, as.integer(CNSR != 0)) ~ 1, data = x))$table["median"])
put("FOLLOWUP", "TOTAL", "", "observed", median(x$AVAL))
for (i in list(c("TTP_X_PRLEN", "TTP", "INDLENFL"), c("TTP_X_CR", "TTP", "CR100FL"), c("OS_X_PRLEN", "OS", "INDLENFL"))) {
  x <- d[d$PARAMCD == i[2], ]; x$f <- as.integer(x[[i[3]]] == "Y"); x$len <- as.integer(x$TRT01PN == 1)
  m <- coxph(Surv(AVAL, CNSR == 0) ~ len * f, data = x)
  put(i[1], "LEN:PBO", "", "p", summary(m)$coefficients["len:f", "Pr(>|z|)"])
}
x <- d[d$PARAMCD == "TTSPM", ]; causes <- c("SECOND CANCER" = 0, "PROGRESSION" = 3, "DEATH" = 4)
status <- match(x$CNSR, causes); status[is.na(status)] <- 0
fit <- cuminc(x$AVAL, status, x$TRT01PN); at <- timepoints(fit, 36 * month)
for (i in seq_along(causes)) {
  put("CIF_GRAY", "LEN:PBO", names(causes)[i], "p", fit$Tests[as.character(i), "pv"])
  for (g in 1:2) { r <- paste(g, i); k <- paste(names(causes)[i], 36)
    put("CIF", c("LEN", "PBO")[g], k, "rate", at$est[r, 1]); put("CIF", c("LEN", "PBO")[g], k, "variance", at$var[r, 1]) }
}
write.csv(do.call(rbind, out), a[2], row.names = FALSE, quote = FALSE)
