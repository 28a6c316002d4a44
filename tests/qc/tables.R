# Tables 2, S1 and S2: subjects by worst grade after randomisation, Fisher's test and the odds ratio; Table 1's tests.

# fisher.test() solves for the odds ratio to 1e-4 only; these are its equations, solved closely.
odds_ratio <- function(t) {
  x <- t[1, 1]; m <- sum(t[, 1]); n <- sum(t[, 2]); k <- sum(t[1, ])
  support <- max(0, k - n):min(k, m); weight <- dhyper(support, m, n, k, log = TRUE)
  density <- function(l) { d <- weight + l * support; d <- exp(d - max(d)); d / sum(d) }
  solve <- function(f) exp(uniroot(f, c(-40, 40), tol = 1e-13)$root)
  low <- x == min(support); high <- x == max(support)
  c(odds_ratio = if (low) 0 else if (high) Inf else solve(function(l) sum(support * density(l)) - x),
    odds_ratio_lower = if (low) 0 else solve(function(l) sum(density(l)[support >= x]) - 0.025),
    odds_ratio_upper = if (high) Inf else solve(function(l) sum(density(l)[support <= x]) - 0.025))
}

size <- c(table(factor(adsl$TRT01PN, arms)), sum(adsl$TRT01PN %in% arms)); names(size) <- c(names(arms), "TOTAL")

worst_of <- function(analysis, rows, level, pools) {
  worst <- tapply(rows$ATOXGRN, rows$USUBJID, function(g) if (all(is.na(g))) NA else max(g, na.rm = TRUE))
  arm <- adsl$TRT01PN[match(names(worst), adsl$USUBJID)]
  for (group in names(size)) put(analysis, group, level, denominator = unname(size[group]))
  for (pool in unique(c(1:5, pools))) { # a grade, or a range of grades
    grades <- as.integer(sub("-.*", "", pool)):as.integer(sub(".*-", "", pool))
    hit <- worst %in% grades; n <- c(sum(hit & arm == 1), sum(hit & arm == 2), sum(hit)); names(n) <- names(size)
    for (group in names(size))
      put(analysis, group, paste(level, pool), n = unname(n[group]), proportion = unname(n[group] / size[group]))
    if (pool %in% pools) {
      t <- rbind(c(n["LEN"], size["LEN"] - n["LEN"]), c(n["PBO"], size["PBO"] - n["PBO"])); test <- fisher.test(t)
      odds <- odds_ratio(t); near <- function(a, b) { s <- function(v) if (v > 1) 2 - 1 / v else v; abs(s(a) - s(b)) < 2e-4 }
      if (sum(n[arms]) > 0) stopifnot(near(odds["odds_ratio"], test$estimate), near(odds[2], test$conf.int[1]), near(odds[3], test$conf.int[2]))
      put(analysis, both, paste(level, pool), p = test$p.value, odds)
    }
  }
}

adae <- adae[adae$POSTRFL == "Y", ]
blood <- adae[adae$AEBODSYS == "BLOOD/BONE MARROW", ]; rest <- adae[adae$AEBODSYS != "BLOOD/BONE MARROW", ]
named <- c("NEUTROPENIA", "THROMBOCYTOPENIA", "LYMPHOPENIA", "ANEMIA", "LEUKOCYTOPENIA")
for (term in named) worst_of("AE_BLOOD", blood[blood$AEDECOD == term, ], term, c("3-4", "3", "4", "5"))
worst_of("AE_BLOOD", blood, "ANY", c("3-4", "3", "4", "5"))
worst_of("AE_OTHER", rest, "ANY", c("3-4", "3", "4", "5", "3-5"))
by <- function(analysis, rows, level) for (l in unique(level)) worst_of(analysis, rows[level == l, ], l, "3-5")
by("AE_BLOOD_TERM", blood, blood$AEDECOD)
by("AE_OTHER_CLASS", rest, rest$AEBODSYS)
by("AE_OTHER_TERM", rest, rest$AEDECOD)
by("AE_OTHER_CLASS_TERM", rest, paste(rest$AEBODSYS, rest$AEDECOD, sep = " / "))

# Table 1: Pearson's chi-square without correction, missing left out; Wilcoxon's rank-sum test.
categories <- c(T1_SEX = "SEX", T1_B2M = "B2MGR1", T1_DS = "DSSTAGE", T1_MCOMP = "MCOMP", T1_ISS = "ISSSTG",
                T1_INDGR1 = "INDGR1", T1_RESPONSE = "RESP100")
p <- vapply(categories, function(variable) {
  v <- adsl[[variable]]; v[v == ""] <- NA
  suppressWarnings(chisq.test(table(adsl$TRT01PN, v), correct = FALSE)$p.value)
}, 0)
p <- c(p, vapply(c(AGE = "AGE", CALBL = "CALBL", ALBBL = "ALBBL", CREATBL = "CREATBL"), function(variable)
  wilcox.test(adsl[[variable]] ~ adsl$TRT01PN, exact = FALSE)$p.value, 0))
for (name in names(p)) put("T1_TESTS", both, name, p = unname(p[name]))
put("T1_TESTS", both, "", smallest_p = min(p))
