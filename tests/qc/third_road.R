# Rscript third_road.R FOLDER OUT.csv: the trial's figures again, from the exported datasets and nothing else.
#
# FOLDER holds adsl.xpt, adtte.xpt and adae.xpt. OUT.csv is keyed as analysis.results: ANALYSIS, GROUP, LEVEL,
# STATISTIC, VALUE (17 digits; empty: not estimable). The definitions of the analyses are written here and in
# the scripts beside it a second time, from the trial's specification. Needs R >= 4 with foreign, survival,
# cmprsk and rpact.
suppressMessages({library(foreign); library(survival); library(cmprsk); library(rpact)})
asked <- commandArgs(TRUE)
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))

dataset <- function(name) {
  rows <- read.xport(file.path(asked[1], paste0(name, ".xpt")))
  text <- vapply(rows, function(v) is.factor(v) || is.character(v), TRUE)
  rows[text] <- lapply(rows[text], function(v) trimws(as.character(v)))
  rows
}

month <- 30.4375 # days
arms <- c(LEN = 1, PBO = 2) # TRT01PN
both <- "LEN:PBO"
adsl <- dataset("adsl"); adsl <- adsl[adsl$ITTFL == "Y", ] # as randomised, whatever was taken
own <- function(rows) merge(rows[, setdiff(names(rows), setdiff(names(adsl), "USUBJID"))], adsl, by = "USUBJID")
adtte <- own(dataset("adtte")); adtte$event <- adtte$CNSR == 0 # the other codes are reasons for censoring
# The protocol counts from transplantation; second cancers and two sensitivity endpoints count from randomisation.
origin <- ifelse(adtte$PARAMCD %in% c("TTSPM", "TTPR", "OSR"), adtte$RANDDT, adtte$ASCTDT)
adtte$AVAL <- adtte$ADT - origin + 1 # days
adae <- own(dataset("adae"))

found <- list()
put <- function(analysis, group, level, ...) {
  values <- c(...)
  found[[length(found) + 1]] <<- list(rep(analysis, length(values)), rep(group, length(values)),
                                      rep(as.character(level), length(values)), names(values), unname(values))
}

for (script in c("survival.R", "competing_risks.R", "tables.R", "design.R")) source(file.path(here, script))

column <- function(i) unlist(lapply(found, `[[`, i))
value <- column(5)
write.csv(data.frame(ANALYSIS = column(1), GROUP = column(2), LEVEL = column(3), STATISTIC = column(4),
                     VALUE = ifelse(is.finite(value), trimws(formatC(value, digits = 17, format = "g")), "")),
          asked[2], row.names = FALSE)
