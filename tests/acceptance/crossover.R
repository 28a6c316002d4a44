# Rscript crossover.R subjects.csv responses.csv psi.csv out.csv: crossover a second time, from dates, slowly and plainly
# (R >= 4, survival). subjects: ADTTE joined with ADSL; psi: the estimates at which untreated times are compared.
suppressMessages(library(survival))
a <- commandArgs(TRUE)
d <- read.csv(a[1], stringsAsFactors = FALSE, na.strings = ""); resp <- read.csv(a[2], stringsAsFactors = FALSE)
given <- read.csv(a[3], stringsAsFactors = FALSE)
for (v in c("ADT", "STARTDT", "XODT", "TRTSDT", "TRTEDT", "RANDDT", "PDDT", "DCTDT", "CUTOFF")) d[[v]] <- as.Date(d[[v]])
resp$ADT <- as.Date(resp$ADT); unblinded <- as.Date("2009-12-17"); out <- list()
put <- function(analysis, statistic, value) out[[length(out) + 1]] <<-
  data.frame(ANALYSIS = analysis, STATISTIC = statistic, VALUE = trimws(formatC(as.numeric(value), digits = 17, format = "g")))
day <- function(x, start) as.numeric(x - start) + 1

# days on lenalidomide, patient by patient
on_drug <- function(x) {
  on <- numeric(nrow(x))
  for (i in seq_len(nrow(x))) {
    from <- if (x$len[i] == 1) x$TRTSDT[i] else x$XODT[i]
    if (!is.na(from)) on[i] <- max(0, as.numeric(min(x$ADT[i], x$until[i]) - max(from, x$RANDDT[i])) + 1)
  }
  on
}
# what would have happened without it
without <- function(x, psi) {
  before <- as.numeric(x$RANDDT - x$STARTDT)
  end <- before + min(1, exp(psi)) * (day(x$CUTOFF, x$STARTDT) - before)
  u <- (x$AVAL - x$on) + exp(psi) * x$on
  data.frame(u = pmin(u, end), e = ifelse(u <= end, x$event, 0L))
}
z <- function(x, psi, strat) {
  w <- without(x, psi)
  s <- if (strat) survdiff(Surv(w$u, w$e) ~ x$len + strata(x$STRATAR)) else survdiff(Surv(w$u, w$e) ~ x$len)
  observed <- sum(as.matrix(s$obs)[2, ]); expected <- sum(as.matrix(s$exp)[2, ])
  (observed - expected) / sqrt(s$var[2, 2])
}
grid <- seq(-2, 0.5, by = 0.02)
for (k in seq_len(nrow(given))) {
  id <- given$ANALYSIS[k]; strat <- grepl("_STRAT", id)
  x <- d[d$PARAMCD == sub("_.*", "", id), ]; x$event <- as.integer(x$CNSR == 0); x$len <- as.integer(x$TRT01PN == 1)
  x$until <- if (grepl("_ONDRUG", id)) x$TRTEDT else x$ADT
  x$until[is.na(x$until)] <- x$ADT[is.na(x$until)]; x$on <- on_drug(x)
  zs <- sapply(grid, function(psi) z(x, psi, strat))
  for (target in c(0, qnorm(0.975), qnorm(0.025))) {
    cells <- which(diff(zs > target) != 0)
    name <- c("psi", "psi_lower", "psi_upper")[match(target, c(0, qnorm(0.975), qnorm(0.025)))]
    put(id, paste0(name, "_changes"), length(cells))
    put(id, paste0(name, "_from"), grid[min(cells)]); put(id, paste0(name, "_to"), grid[max(cells) + 1])
  }
  put(id, "z", z(x, 0, strat))
  w <- without(x, given$PSI[k]); y <- data.frame(t = x$AVAL, e = x$event, len = x$len, s = x$STRATAR)
  y$t[y$len == 0] <- ceiling(w$u[y$len == 0]); y$e[y$len == 0] <- w$e[y$len == 0]
  m <- if (strat) coxph(Surv(t, e) ~ len + strata(s), data = y) else coxph(Surv(t, e) ~ len, data = y)
  put(id, "hr", exp(coef(m))); put(id, "events_kept", sum(y$e[y$len == 0]))
  put(id, "median", summary(survfit(Surv(t, e) ~ 1, data = y[y$len == 0, ]))$table["median"])
}

# weights, patient by patient and day by day
for (p in c("TTP", "OS")) {
  x <- d[d$PARAMCD == p, ]; x$len <- as.integer(x$TRT01PN == 1)
  x$crossed <- !is.na(x$XODT) & x$XODT <= x$ADT
  x$t <- ifelse(x$crossed, day(x$XODT, x$STARTDT), x$AVAL); x$e <- as.integer(x$CNSR == 0 & !x$crossed)
  x$opens <- pmax(0, day(unblinded, x$STARTDT))
  x$closes <- pmin(x$t, ifelse(is.na(x$PDDT), Inf, day(x$PDDT, x$STARTDT)))
  x$cr <- 0
  for (i in seq_len(nrow(x))) {
    own <- resp[resp$USUBJID == x$USUBJID[i] & resp$ADT <= unblinded, ]
    if (nrow(own)) x$cr[i] <- as.numeric(own$AVALC[which.max(own$ADT)] %in% c("CR", "sCR"))
  }
  x$months <- as.numeric(unblinded - x$RANDDT); x$off <- as.numeric(!is.na(x$DCTDT) & x$DCTDT <= unblinded)
  x$id <- seq_len(nrow(x)); may <- x[x$len == 0 & x$closes > x$opens, ]; may$wait <- may$closes - may$opens
  h <- coxph(Surv(wait, crossed) ~ AGE + months + (STRAT1R == "GT2.5") + (STRAT2R == "Y") + (STRAT3R == "Y") + off + cr,
             data = may, ties = "breslow")
  base <- basehaz(h, centered = TRUE); risk <- exp(predict(h, type = "lp"))
  long <- survSplit(Surv(t, e) ~ ., data = x, cut = sort(unique(x$t[x$e == 1])))
  placebo <- x[x$len == 0, ]
  leave <- sort(unique(placebo$t[placebo$crossed])); per <- sapply(leave, function(s) sum(placebo$t == s & placebo$crossed) / sum(placebo$t >= s))
  long$w <- 1
  for (j in which(long$len == 0)) {
    k <- match(long$id[j], may$id); own <- 0
    if (!is.na(k)) {
      last <- if (long$t[j] > may$closes[k]) base$time <= may$wait[k] else base$time < long$t[j] - may$opens[k]
      own <- if (any(last)) max(base$hazard[last]) * risk[k] else 0
    }
    long$w[j] <- exp(own - sum(per[leave < long$t[j]]))
  }
  m <- coxph(Surv(tstart, t, e) ~ len, data = long, weights = w, cluster = id)
  put(paste0(p, "_IPCW"), "coef", coef(m)); put(paste0(p, "_IPCW"), "se", sqrt(m$var[1, 1]))
  w <- long$w[long$len == 0 & long$t %in% x$t[x$e == 1]]
  put(paste0(p, "_IPCW"), "weight_mean", mean(w)); put(paste0(p, "_IPCW"), "weight_max", max(w))
  for (i in 1:7) put(paste0(p, "_IPCW"), paste0("crossover_", i), coef(h)[i])
}
write.csv(do.call(rbind, out), a[4], row.names = FALSE, quote = FALSE)
