# What rpact says of the designs in a file: Rscript sequential.R DESIGNS.csv OUT.csv
# Each design is also monitored: it stops at `stop` with a statistic 0.3 above the critical value, after
# statistics halfway between 0 (or the futility bound above it) and the critical values.
suppressMessages(library(rpact))
args <- commandArgs(TRUE)
designs <- read.csv(args[1], colClasses = "character", na.strings = "")
numbers <- function(text) as.numeric(strsplit(text, ";")[[1]])
rows <- list()
put <- function(id, quantity, values) if (length(values) > 0)
  rows[[length(rows) + 1]] <<- data.frame(design = id, quantity, look = seq_along(values), value = sprintf("%.17g", values))

for (i in seq_len(nrow(designs))) {
  d <- as.list(designs[i, ])
  arguments <- list(alpha = as.numeric(d$alpha), beta = 1 - as.numeric(d$power), sided = 1, typeOfDesign = d$type,
    informationRates = numbers(d$fractions), bindingFutility = d$binding == "True", tolerance = 1e-10)
  if (!is.na(d$parameter)) arguments[[c(asHSD = "gammaA", HP = "constantBoundsHP", WT = "deltaWT")[d$type]]] <- as.numeric(d$parameter)
  if (!is.na(d$futility)) arguments$typeBetaSpending <- d$futility
  if (!is.na(d$gamma)) arguments$gammaB <- as.numeric(d$gamma)
  design <- suppressWarnings(do.call(getDesignGroupSequential, arguments))
  ch <- getDesignCharacteristics(design)
  put(d$id, "critical", design$criticalValues)
  put(d$id, "futility", design$futilityBounds)
  put(d$id, "alpha_spent", design$alphaSpent)
  put(d$id, "inflation", ch$inflationFactor)
  put(d$id, "reject", ch$rejectionProbabilities)
  put(d$id, "stop_futile", ch$futilityProbabilities)
  put(d$id, "expected", c(ch$averageSampleNumber1, ch$averageSampleNumber01, ch$averageSampleNumber0))

  k <- design$kMax
  if (k < 2) next
  stop <- as.integer(d$stop)
  events <- design$informationRates * as.numeric(d$events)
  critical <- as.vector(design$criticalValues)
  z <- (pmin(critical, 8) + pmax(c(design$futilityBounds, 0)[seq_len(k)], 0)) / 2
  data_at <- function(z, looks) getDataset(cumulativeEvents = events[seq_len(looks)],
    cumulativeLogRanks = z[seq_len(looks)], cumulativeAllocationRatios = rep(1, looks))
  going <- suppressMessages(getStageResults(design, data_at(z, 1), stage = 1, directionUpper = TRUE))
  put(d$id, "conditional", suppressMessages(getConditionalPower(going, nPlanned = diff(events), thetaH1 = 1.4))$conditionalPower[k])
  z[stop] <- critical[stop] + 0.3
  put(d$id, "z", z[seq_len(stop)])
  stopped <- suppressMessages(getStageResults(design, data_at(z, stop), stage = stop, directionUpper = TRUE))
  put(d$id, "p", suppressMessages(getFinalPValue(stopped))$pFinal)
  if (d$intervals == "True") {
    final <- suppressMessages(getFinalConfidenceInterval(design, data_at(z, stop), stage = stop, directionUpper = TRUE, tolerance = 1e-9))
    put(d$id, "final", c(final$medianUnbiasedGeneral, final$finalConfidenceIntervalGeneral))
    repeated <- suppressMessages(getRepeatedConfidenceIntervals(design, data_at(z, stop), stage = stop, directionUpper = TRUE, tolerance = 1e-9))
    put(d$id, "repeated", log(repeated[, seq_len(stop)]))
  }
}
write.csv(do.call(rbind, rows), args[2], row.names = FALSE, quote = FALSE)
