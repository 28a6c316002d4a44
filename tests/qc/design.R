# Sample size: one-sided 0.05, 90% power, hazard ratio 1.4 (Schoenfeld), three looks of O'Brien-Fleming type spending.
fixed <- 4 * (qnorm(0.95) + qnorm(0.90))^2 / log(1.4)^2
looks <- getDesignGroupSequential(kMax = 3, alpha = 0.05, beta = 0.10, sided = 1, typeOfDesign = "asOF")
inflation <- getDesignCharacteristics(looks)$inflationFactor
power <- getPowerAndAverageSampleNumber(looks, theta = log(1.4) / 2, nMax = fixed * inflation)$overallReject
put("SAMPLE_SIZE", "TOTAL", "", power = power, events_fixed = fixed, events_sequential = fixed * inflation,
    events = ceiling(fixed * inflation), inflation = inflation)
