# Figure 3: the first of second cancer, progression and death after randomisation; Gray's test between the arms.
x <- of("TTSPM")
causes <- c("SECOND CANCER" = 0, "PROGRESSION" = 3, "DEATH" = 4) # CNSR of TTSPM
status <- match(x$CNSR, causes, nomatch = 0)
fit <- cuminc(x$AVAL, status, names(arms)[match(x$TRT01PN, arms)])
at <- timepoints(fit, landmarks * month)
for (arm in names(arms)) {
  mine <- x$TRT01PN == arms[arm]
  for (m in risk_table) put("CIF", arm, m, n_risk = sum(x$AVAL[mine] >= m * month))
  for (i in seq_along(causes)) {
    put("CIF", arm, names(causes)[i], events = sum(status[mine] == i))
    for (j in seq_along(landmarks))
      put("CIF", arm, paste(names(causes)[i], landmarks[j]),
          rate = at$est[paste(arm, i), j], variance = at$var[paste(arm, i), j])
  }
}
for (i in seq_along(causes)) {
  test <- fit$Tests[as.character(i), ]
  put("CIF_GRAY", both, names(causes)[i], chisq = unname(test["stat"]), df = unname(test["df"]),
      p = pchisq(unname(test["stat"]), unname(test["df"]), lower.tail = FALSE))
}
