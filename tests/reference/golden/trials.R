# What rpact says of the trials in a file, by formula and by simulation: Rscript trials.R TRIALS.csv OUT.csv
suppressMessages(library(rpact))
args <- commandArgs(TRUE)
trials <- read.csv(args[1], colClasses = "character", na.strings = "")
numbers <- function(text) as.numeric(strsplit(text, ";")[[1]])
rows <- list()
put <- function(id, quantity, values) if (length(values) > 0)
  rows[[length(rows) + 1]] <<- data.frame(trial = id, quantity, place = seq_along(values), value = sprintf("%.17g", values))

for (i in seq_len(nrow(trials))) {
  t <- lapply(as.list(trials[i, ]), function(text) if (is.na(text)) NULL else text)
  arguments <- list(alpha = 0.05, beta = 0.1, sided = 1, typeOfDesign = "asOF", informationRates = numbers(t$fractions), tolerance = 1e-10)
  if (!is.null(t$futility)) arguments$typeBetaSpending <- t$futility
  design <- do.call(getDesignGroupSequential, arguments)
  accrual <- list(accrualTime = numbers(t$accrual_times), accrualIntensity = numbers(t$intensities), accrualIntensityType = "absolute")
  dropout <- list(dropoutRate1 = as.numeric(t$dropout1), dropoutRate2 = as.numeric(t$dropout2), dropoutTime = 12)
  hazards <- list(lambda2 = numbers(t$lambda2))
  if (length(numbers(t$survival_times)) > 1) hazards$piecewiseSurvivalTime <- numbers(t$survival_times)
  ratio <- as.numeric(t$allocation)
  if (t$simulate == "True") {
    hazards$lambda1 <- numbers(t$lambda1)
    if (is.null(hazards$piecewiseSurvivalTime)) hazards$piecewiseSurvivalTime <- 0
    found <- suppressWarnings(do.call(getSimulationSurvival, c(list(design, directionUpper = FALSE,
      plannedEvents = numbers(t$events), maxNumberOfIterations = as.integer(t$iterations), seed = 1), accrual, hazards, dropout)))
    put(t$id, "reject", found$rejectPerStage)
    if (!is.null(t$futility)) put(t$id, "futile", found$futilityPerStage)
    put(t$id, "times", found$analysisTime)
    put(t$id, "duration", found$studyDuration)
    put(t$id, "expected_events", found$expectedNumberOfEvents)
    put(t$id, "expected_patients", found$expectedNumberOfSubjects)
    next
  }
  hazards$hazardRatio <- as.numeric(t$hazard_ratio)
  if (!is.null(t$follow_up)) accrual$followUpTime <- as.numeric(t$follow_up)
  found <- suppressWarnings(do.call(getSampleSizeSurvival, c(list(design, typeOfComputation = t$formula, allocationRatioPlanned = ratio), accrual, hazards, dropout)))
  put(t$id, "events", found$eventsPerStage)
  put(t$id, "times", found$analysisTime)
  put(t$id, "patients", found$numberOfSubjects)
  put(t$id, "duration", found$studyDuration)
  put(t$id, "expected_events", c(found$expectedEventsH1, found$expectedEventsH01, found$expectedEventsH0))
  put(t$id, "expected_patients", found$expectedNumberOfSubjectsH1)
  accrual$followUpTime <- NULL
  if (length(accrual$accrualTime) > length(accrual$accrualIntensity)) {
    by <- do.call(getEventProbabilities, c(list(time = numbers(t$by), allocationRatioPlanned = ratio), accrual, hazards, dropout))
    put(t$id, "chance1", by$eventProbabilities1)
    put(t$id, "chance2", by$eventProbabilities2)
    put(t$id, "chance", by$overallEventProbabilities)
    powered <- suppressWarnings(do.call(getPowerSurvival, c(list(design, directionUpper = FALSE, maxNumberOfEvents = 250, allocationRatioPlanned = ratio), accrual, hazards, dropout)))
    put(t$id, "power", powered$rejectPerStage)
    put(t$id, "power_times", powered$analysisTime)
    put(t$id, "power_duration", powered$studyDuration)
    put(t$id, "power_patients", powered$expectedNumberOfSubjects)
  }
}
write.csv(do.call(rbind, rows), args[2], row.names = FALSE, quote = FALSE)
