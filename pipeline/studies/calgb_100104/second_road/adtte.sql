-- ADTTE by the second road: one row per randomised subject and parameter (2.8), from events.sql,
-- markers.sql and the second road's adsl.
CREATE TABLE adtte AS
WITH
patients AS (SELECT USUBJID, ASCTDT, RANDDT FROM adsl WHERE ITTFL = 'Y'),

named (PARAMCD, PARAM) AS (
    VALUES
    ('TTP', 'Time to Progression or Death (Days)'),
    ('OS', 'Overall Survival (Days)'),
    ('EFS', 'Event-Free Survival, Post Hoc (Days)'),
    ('TTSPM', 'Time to Second Primary Cancer (Days)'),
    ('TTPR', 'Time to Progression or Death from Randomization (Days)'),
    ('OSR', 'Overall Survival from Randomization (Days)'),
    ('TTPINV', 'Time to Progression by Investigator or Death (Days)'),
    ('TTPIMWG', 'Time to Progression by IMWG Criteria or Death (Days)'),
    ('EFSLC', 'Event-Free Survival, Censored at Last Contact (Days)'),
    ('TTPXO', 'Time to Progression or Death, Censored at Crossover (Days)'),
    ('OSXO', 'Overall Survival, Censored at Crossover (Days)'),
    ('TTPNACT', 'Time to Progression or Death, Censored at New Therapy (Days)'),
    ('TTPMISS', 'Time to Progression or Death, Censored at Two Missed Visits (Days)')
),

-- 2.8: the day beyond which an event of the parameter does not count.
day_limit AS (
    SELECT USUBJID, p AS PARAMCD, XODT AS LIMITDT FROM adsl, (VALUES ('TTPXO'), ('OSXO')) AS t (p)
    UNION ALL
    SELECT USUBJID, 'TTPNACT', NACTDT FROM adsl
    UNION ALL
    SELECT USUBJID, 'TTPMISS', GAPDT FROM adsl
),

-- 2.8: what ends each parameter. RANK decides a shared day; an ending goes before any censoring.
main (PARAMCD, FOUND, IS_END, RANK, CNSR, EVNTDESC, CNSDTDSC) AS (
    VALUES
    ('TTP', 'PD', true, 1, 0, 'DISEASE PROGRESSION', NULL),
    ('TTP', 'DEATH', true, 2, 0, 'DEATH', NULL),
    ('TTP', 'ASSESSED', false, 1, 1, 'NO EVENT BY THE LAST DISEASE ASSESSMENT', 'LAST EVALUABLE DISEASE ASSESSMENT'),
    ('TTP', 'RANDOMISED', false, 2, 2, 'NO DISEASE ASSESSMENT AFTER RANDOMISATION', 'RANDOMISATION'),
    ('OS', 'DEATH', true, 1, 0, 'DEATH', NULL),
    ('OS', 'ALIVE', false, NULL, 1, 'ALIVE AT LAST CONTACT', NULL),
    ('EFS', 'CANCER', true, 1, 0, 'SECOND PRIMARY CANCER', NULL),
    ('EFS', 'PD', true, 2, 0, 'DISEASE PROGRESSION', NULL),
    ('EFS', 'DEATH', true, 3, 0, 'DEATH', NULL),
    ('EFS', 'ASSESSED', false, 1, 1, 'NO EVENT BY THE LAST DISEASE ASSESSMENT', 'LAST EVALUABLE DISEASE ASSESSMENT'),
    ('EFS', 'RANDOMISED', false, 2, 2, 'NO DISEASE ASSESSMENT AFTER RANDOMISATION', 'RANDOMISATION'),
    ('TTSPM', 'CANCER', true, 1, 0, 'SECOND PRIMARY CANCER', NULL),
    ('TTSPM', 'PD', true, 2, 3, 'DISEASE PROGRESSION FIRST', 'DISEASE PROGRESSION'),
    ('TTSPM', 'DEATH', true, 3, 4, 'DEATH FIRST', 'DEATH'),
    ('TTSPM', 'ASSESSED', false, 1, 1, 'NO EVENT BY THE LAST DISEASE ASSESSMENT', 'LAST EVALUABLE DISEASE ASSESSMENT'),
    ('TTSPM', 'RANDOMISED', false, 2, 2, 'NO DISEASE ASSESSMENT AFTER RANDOMISATION', 'RANDOMISATION')
),
meaning AS (
    SELECT * FROM main
    -- Another start; another progression; another censoring.
    UNION ALL SELECT 'TTPR', * EXCLUDE (PARAMCD) FROM main WHERE PARAMCD = 'TTP'
    UNION ALL SELECT p, main.* EXCLUDE (PARAMCD) FROM main, (VALUES ('OSR'), ('OSXO')) AS t (p) WHERE PARAMCD = 'OS'
    UNION ALL VALUES ('OSXO', 'CROSSED', false, 0, 3, 'CENSORED AT CROSSOVER', 'CROSSOVER')
    UNION ALL SELECT p, main.* EXCLUDE (PARAMCD) FROM main, (VALUES ('TTPINV'), ('TTPIMWG')) AS t (p)
    WHERE PARAMCD = 'TTP' AND FOUND <> 'PD'
    UNION ALL VALUES ('TTPINV', 'PDINV', true, 1, 0, 'DISEASE PROGRESSION BY INVESTIGATOR', NULL)
    UNION ALL VALUES ('TTPIMWG', 'PDIMWG', true, 1, 0, 'DISEASE PROGRESSION BY IMWG CRITERIA', NULL)
    UNION ALL SELECT 'EFSLC', * EXCLUDE (PARAMCD) FROM main
    WHERE PARAMCD = 'EFS' AND IS_END OR PARAMCD = 'OS' AND NOT IS_END
    UNION ALL SELECT p, main.* EXCLUDE (PARAMCD) FROM main, (VALUES ('TTPXO'), ('TTPNACT'), ('TTPMISS')) AS t (p)
    WHERE PARAMCD = 'TTP'
    UNION ALL
    SELECT p, 'EVALUABLE', false, 0, n, 'CENSORED AT ' || what, 'LAST EVALUABLE DISEASE ASSESSMENT BEFORE'
    FROM (VALUES ('TTPXO', 3, 'CROSSOVER'), ('TTPNACT', 4, 'NEW THERAPY'), ('TTPMISS', 5, 'TWO MISSED VISITS'))
        AS t (p, n, what)
),
last_assessment AS (
    SELECT USUBJID, ADT, ADTF, SRCSEQ
    FROM assessment
    WHERE ADT > RANDDT
    QUALIFY row_number() OVER (PARTITION BY USUBJID ORDER BY ADT DESC, SRCSEQ DESC) = 1
),
found AS (
    SELECT 'PD' AS FOUND, USUBJID, ADT, ADTF, SRCDOM, SRCVAR, SRCSEQ,
           NULL::INT AS ALIVE_RANK, NULL::VARCHAR AS ALIVE_BY
    FROM progression
    UNION ALL SELECT 'PDINV', USUBJID, ADT, ADTF, 'RS', 'RSDTC', SRCSEQ, NULL, NULL FROM by_investigator
    UNION ALL SELECT 'PDIMWG', USUBJID, ADT, ADTF, SRCDOM, SRCVAR, SRCSEQ, NULL, NULL
    FROM by_markers WHERE PARAMCD = 'PDIMWG'
    UNION ALL SELECT 'EVALUABLE', USUBJID, ADT, ADTF, 'RS', 'RSDTC', SRCSEQ, NULL, NULL
    FROM assessment WHERE ADT > RANDDT
    UNION ALL SELECT 'DEATH', USUBJID, ADT, ADTF, 'DS', 'DSSTDTC', SRCSEQ, NULL, NULL FROM death
    UNION ALL SELECT 'CANCER', USUBJID, ADT, ADTF, 'CE', 'CESTDTC', SRCSEQ, NULL, NULL
    FROM second_cancer, cut WHERE ADT <= LAST_DAY
    UNION ALL SELECT 'ASSESSED', USUBJID, ADT, ADTF, 'RS', 'RSDTC', SRCSEQ, NULL, NULL FROM last_assessment
    UNION ALL
    SELECT 'RANDOMISED', USUBJID, first_day(DSSTDTC), flag(DSSTDTC), 'DS', 'DSSTDTC', DSSEQ, NULL, NULL
    FROM ds, cut WHERE DSDECOD = 'RANDOMIZED' AND first_day(DSSTDTC) <= LAST_DAY
    UNION ALL SELECT 'CROSSED', USUBJID, XODT, NULL, 'ADSL', 'XODT', NULL, NULL, NULL
    FROM adsl, cut WHERE XODT <= LAST_DAY
    UNION ALL SELECT 'ALIVE', USUBJID, ADT, ADTF, SRCDOM, SRCVAR, SRCSEQ, RANK, CNSDTDSC FROM alive
),
candidate AS (
    SELECT
        USUBJID, PARAMCD, IS_END, CNSR, EVNTDESC, ADTF, SRCDOM, SRCVAR, SRCSEQ,
        CASE WHEN PARAMCD IN ('TTSPM', 'TTPR', 'OSR') THEN RANDDT ELSE ASCTDT END AS STARTDT,
        ADT AS FOUNDDT,
        coalesce(RANK, ALIVE_RANK) AS RANK,
        coalesce(CNSDTDSC, ALIVE_BY) AS CNSDTDSC
    FROM found JOIN meaning USING (FOUND) JOIN patients USING (USUBJID)
    LEFT JOIN day_limit USING (USUBJID, PARAMCD)
    WHERE CASE
        WHEN LIMITDT IS NULL THEN FOUND <> 'EVALUABLE'
        WHEN FOUND = 'ASSESSED' THEN false
        WHEN FOUND = 'RANDOMISED' THEN true
        -- An assessment on the first day of new therapy may show the new drug; an event of that day counts.
        WHEN FOUND = 'EVALUABLE' AND PARAMCD = 'TTPNACT' THEN ADT < LIMITDT
        ELSE ADT <= LIMITDT
    END
),
first AS (
    SELECT
        USUBJID, PARAMCD, STARTDT, greatest(FOUNDDT, STARTDT) AS ADT, ADTF,
        greatest(FOUNDDT, STARTDT) - STARTDT + 1 AS AVAL, CNSR, EVNTDESC, CNSDTDSC, SRCDOM, SRCVAR, SRCSEQ
    FROM candidate
    WHERE STARTDT IS NOT NULL AND (NOT IS_END OR FOUNDDT >= STARTDT)
    QUALIFY row_number() OVER (
        PARTITION BY USUBJID, PARAMCD
        ORDER BY
            IS_END DESC,
            CASE WHEN IS_END THEN FOUNDDT END,
            CASE WHEN NOT IS_END THEN FOUNDDT END DESC,
            RANK,
            SRCSEQ
    ) = 1
)
SELECT adsl.STUDYID, adsl.CUTOFF, first.*, PARAM, TRT01P, TRT01PN
FROM first JOIN named USING (PARAMCD) JOIN adsl USING (USUBJID);
