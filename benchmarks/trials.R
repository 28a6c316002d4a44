# Rscript trials.R TRIALS REPEATS: prints "seconds power" of rpact's simulation, the best of REPEATS calls.
suppressMessages(library(rpact))
a <- as.integer(commandArgs(TRUE)); seconds <- Inf
design <- getDesignGroupSequential(kMax = 3, alpha = 0.05, beta = 0.1, sided = 1, typeOfDesign = "asOF")
run <- function(n, seed) getSimulationSurvival(design, hazardRatio = 1 / 1.4, lambda2 = log(2) / 24, directionUpper = FALSE,
  plannedEvents = c(103, 206, 309), maxNumberOfSubjects = 460, accrualTime = c(0, 52), dropoutRate1 = 0.03,
  dropoutRate2 = 0.03, dropoutTime = 12, maxNumberOfIterations = n, seed = seed)
invisible(run(10, 1)) # the first call loads what it needs
for (i in seq_len(a[2])) {
  seconds <- min(seconds, system.time(found <- run(a[1], i))[["elapsed"]])
}
cat(format(seconds, digits = 8), found$overallReject, "\n")
