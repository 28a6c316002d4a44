# Time-to-event figures: limits on the log scale, Efron's ties, Wald intervals, arms LEN to PBO.
landmarks <- c(12, 24, 36); risk_table <- seq(0, 70, 10) # months
strata_of <- "strata(STRAT1R, STRAT2R, STRAT3R)"

median_of <- function(fit) unname(summary(fit)$table[c("median", "0.95LCL", "0.95UCL")])

curve_of <- function(analysis, rows) {
  for (group in c(names(arms), "TOTAL")) {
    x <- if (group == "TOTAL") rows else rows[rows$TRT01PN == arms[group], ]
    fit <- survfit(Surv(AVAL, event) ~ 1, data = x, conf.type = "log")
    events <- sum(x$event); n <- nrow(x); m <- median_of(fit)
    put(analysis, group, "", n = n, events = events, censored = n - events, event_proportion = events / n,
        event_free_proportion = (n - events) / n, median = m[1], median_lower = m[2], median_upper = m[3])
    at <- summary(fit, times = landmarks * month, extend = TRUE)
    for (i in seq_along(landmarks))
      put(analysis, group, landmarks[i], rate = at$surv[i], rate_lower = at$lower[i], rate_upper = at$upper[i])
    at <- summary(fit, times = risk_table * month, extend = TRUE)
    for (i in seq_along(risk_table)) put(analysis, group, risk_table[i], n_risk = at$n.risk[i])
  }
}

cox_of <- function(rows, terms) {
  monotone <- FALSE
  fit <- withCallingHandlers(
    coxph(as.formula(paste("Surv(AVAL, event) ~", terms)), data = rows, ties = "efron"),
    warning = function(w) { monotone <<- monotone || grepl("infinite", conditionMessage(w)); invokeRestart("muffleWarning") })
  list(fit = fit, monotone = monotone)
}

ratio_of <- function(coef, se) {
  wide <- qnorm(0.975) * se
  c(hr = exp(coef), hr_lower = exp(coef - wide), hr_upper = exp(coef + wide))
}

compare_arms <- function(parameter, rows) {
  for (stratified in c(FALSE, TRUE)) {
    terms <- if (stratified) paste("len +", strata_of) else "len"; suffix <- if (stratified) "_STRAT" else ""
    test <- survdiff(as.formula(paste("Surv(AVAL, event) ~", terms)), data = rows)
    put(paste0(parameter, "_LOGRANK", suffix), both, "", chisq = test$chisq, df = 1,
        p = pchisq(test$chisq, 1, lower.tail = FALSE))
    cox <- cox_of(rows, terms); b <- unname(coef(cox$fit)); se <- sqrt(vcov(cox$fit)[1, 1]); hr <- ratio_of(b, se)
    put(paste0(parameter, "_COX", suffix), both, "", coef = b, se = se, hr,
        p = pchisq((b / se)^2, 1, lower.tail = FALSE), risk_reduction = 1 - unname(hr["hr"]),
        monotone = as.numeric(cox$monotone))
  }
}

# Treatment by factor: the product term, and the ratio within each level of the one model.
interaction_of <- function(rows, factor) {
  rows$f <- as.integer(rows[[factor]] == max(rows[[factor]]))
  full <- cox_of(rows, "len * f")$fit; none <- cox_of(rows, "len + f")$fit
  b <- coef(full); v <- vcov(full)
  list(p = unname(pchisq(b["len:f"]^2 / v["len:f", "len:f"], 1, lower.tail = FALSE)),
       p_lr = pchisq(2 * (full$loglik[2] - none$loglik[2]), 1, lower.tail = FALSE),
       low = ratio_of(unname(b["len"]), sqrt(v["len", "len"])),
       high = ratio_of(unname(b["len"] + b["len:f"]), sqrt(v["len", "len"] + v["len:f", "len:f"] + 2 * v["len", "len:f"])))
}

adtte$len <- as.integer(adtte$TRT01PN == arms["LEN"])
of <- function(parameter) adtte[adtte$PARAMCD == parameter, ]

for (parameter in c("TTP", "OS", "EFS", "TTPR", "OSR", "TTPINV", "TTPIMWG", "TTPXO", "TTPNACT", "TTPMISS", "EFSLC", "OSXO")) {
  curve_of(paste0(parameter, "_KM"), of(parameter))
  compare_arms(parameter, of(parameter))
}

# Figure 2: factor and its variable; Figures S2c to S2j: the curves within its levels.
factors <- c(B2M = "STRAT1R", PRTHAL = "INDTHLFL", PRLEN = "INDLENFL", PRBOR = "INDBORFL", CR = "CR100FL")
for (parameter in c("TTP", "OS")) for (name in names(factors)) {
  rows <- of(parameter); analysis <- paste0(parameter, "_FOREST")
  for (level in sort(unique(rows[[factors[name]]]))) {
    x <- rows[rows[[factors[name]]] == level, ]; label <- paste0(name, "=", level)
    for (arm in names(arms))
      put(analysis, arm, label, n = sum(x$TRT01PN == arms[arm]), events = sum(x$event[x$TRT01PN == arms[arm]]))
    cox <- cox_of(x, "len")$fit; se <- sqrt(vcov(cox)[1, 1])
    put(analysis, both, label, ratio_of(unname(coef(cox)), se), se = se)
  }
  put(analysis, both, name, p_interaction = interaction_of(rows, factors[name])$p)
}
for (i in list(c("TTP", "B2M"), c("TTP", "PRTHAL"), c("TTP", "PRLEN"), c("TTP", "CR"),
               c("OS", "B2M"), c("OS", "PRTHAL"), c("OS", "PRLEN"))) {
  rows <- of(i[1]); levels <- rows[[factors[i[2]]]]
  for (level in unique(levels)) curve_of(paste(i[1], "KM", i[2], level, sep = "_"), rows[levels == level, ])
}
for (i in list(c("TTP_X_PRLEN", "TTP", "INDLENFL"), c("TTP_X_CR", "TTP", "CR100FL"), c("OS_X_PRLEN", "OS", "INDLENFL"))) {
  fit <- interaction_of(of(i[2]), i[3])
  put(i[1], both, "", p = fit$p, p_lr = fit$p_lr)
  put(i[1], both, paste0(i[3], "=N"), fit$low); put(i[1], both, paste0(i[3], "=Y"), fit$high)
}

# Follow-up: Kaplan-Meier with death as the censoring, and the time observed.
for (group in c(names(arms), "TOTAL")) {
  x <- of("OS"); if (group != "TOTAL") x <- x[x$TRT01PN == arms[group], ]
  m <- median_of(survfit(Surv(AVAL, !event) ~ 1, data = x, conf.type = "log"))
  put("FOLLOWUP", group, "", reverse_km = m[1], reverse_km_lower = m[2], reverse_km_upper = m[3], observed = median(x$AVAL))
}
