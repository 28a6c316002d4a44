-- ADTTE by a second road: from the tabulation datasets and two dates of ADSL, without ADCE and, but for the
-- progressions that the markers show (their criteria are compared elsewhere), without ADRS.
--
-- Written from the trial's clinical rules (2.3 which progression counts, 2.6 partial dates, 2.8 time to event,
-- 2.9 second cancers), not from the pipeline's code, to be compared with it row by row. Reads: adsl (USUBJID,
-- ITTFL, ASCTDT, RANDDT, XODT); the domains ds, rs, ce, ss, lb, ex, ae, cm, pr; by_markers (USUBJID, PARAMCD,
-- ADT, ADTF, SRCDOM, SRCVAR, SRCSEQ), a subject's first progression by criteria of EBMT (PDEBMT) and of IMWG
-- (PDIMWG); run (CUTOFF), one row.

-- A partial date (--DTC) may mean any day from first_day to last_day; nothing known: NULL.
CREATE OR REPLACE TEMP MACRO first_day(dtc) AS
    CASE length(dtc)
        WHEN 10 THEN try_cast(dtc AS DATE)
        WHEN 7 THEN try_cast(dtc || '-01' AS DATE)
        ELSE try_cast(dtc[1:4] || '-01-01' AS DATE)
    END;
CREATE OR REPLACE TEMP MACRO last_day_of(dtc) AS
    CASE length(dtc)
        WHEN 10 THEN try_cast(dtc AS DATE)
        WHEN 7 THEN last_day(try_cast(dtc || '-01' AS DATE))
        ELSE try_cast(dtc[1:4] || '-12-31' AS DATE)
    END;
CREATE OR REPLACE TEMP MACRO flag(dtc) AS
    CASE length(dtc) WHEN 10 THEN NULL WHEN 7 THEN 'D' ELSE 'M' END;
-- The first day, moved to a lower bound only where the known part allows that day.
CREATE OR REPLACE TEMP MACRO not_before(dtc, lower_bound) AS
    CASE
        WHEN lower_bound BETWEEN first_day(dtc) AND last_day_of(dtc) THEN lower_bound
        ELSE first_day(dtc)
    END;

WITH
cut AS (SELECT CUTOFF AS LAST_DAY FROM run),

patients AS (SELECT USUBJID, ASCTDT, RANDDT, XODT FROM adsl WHERE ITTFL = 'Y'),

-- 2.8, OS: every record that shows the patient alive, in the order in which they win a shared day.
alive AS (
    SELECT USUBJID, 1 AS RANK, 'SS' AS SRCDOM, 'SSDTC' AS SRCVAR, SSSEQ AS SRCSEQ, SSDTC AS DTC,
           'LAST CONTACT' AS CNSDTDSC
    FROM ss WHERE SSSTRESC = 'ALIVE'
    UNION ALL
    SELECT USUBJID, 2, 'RS', 'RSDTC', RSSEQ, RSDTC, 'LAST DISEASE ASSESSMENT'
    FROM rs WHERE RSTESTCD = 'OVRLRESP'
    UNION ALL
    SELECT USUBJID, 3, 'LB', 'LBDTC', LBSEQ, LBDTC, 'LAST LABORATORY SAMPLE'
    FROM lb WHERE LBSTAT IS NULL
    UNION ALL
    SELECT USUBJID, 4, 'EX', 'EXENDTC', EXSEQ, EXENDTC, 'LAST DOSE'
    FROM ex WHERE DAYSTKN > 0
    UNION ALL
    SELECT USUBJID, 5, 'AE', 'AESTDTC', AESEQ, AESTDTC, 'LAST ADVERSE EVENT' FROM ae
    UNION ALL
    SELECT USUBJID, 6, 'CM', 'CMSTDTC', CMSEQ, CMSTDTC, 'LAST START OF THERAPY' FROM cm
    UNION ALL
    SELECT USUBJID, 7, 'CE', 'CESTDTC', CESEQ, CESTDTC, 'DIAGNOSIS OF SECOND CANCER' FROM ce
    UNION ALL
    SELECT USUBJID, 8, 'PR', 'PRSTDTC', PRSEQ, PRSTDTC, 'TRANSPLANTATION' FROM pr
    UNION ALL
    SELECT USUBJID, 9, 'DS', 'DSSTDTC', DSSEQ, DSSTDTC, 'PROTOCOL MILESTONE'
    FROM ds WHERE DSDECOD IN ('REGISTERED', 'RANDOMIZED', 'CROSSOVER')
),
alive_dated AS (
    SELECT a.*, first_day(DTC) AS ADT, flag(DTC) AS ADTF
    FROM alive a JOIN patients USING (USUBJID), cut
    WHERE first_day(DTC) <= LAST_DAY
),
last_alive AS (SELECT USUBJID, max(ADT) AS LSTALVDT FROM alive_dated GROUP BY USUBJID),

-- 2.6, DTHDT: not before the day after the last date known alive. One report counts: the one whose last
-- possible day is earliest. Going off treatment because of death is dated by the end of treatment.
death AS (
    SELECT USUBJID, not_before(DSSTDTC, LSTALVDT + 1) AS ADT, flag(DSSTDTC) AS ADTF, DSSEQ AS SRCSEQ
    FROM ds JOIN patients USING (USUBJID) LEFT JOIN last_alive USING (USUBJID), cut
    WHERE DSDECOD = 'DEATH' AND DSSCAT IS DISTINCT FROM 'STUDY TREATMENT'
      AND not_before(DSSTDTC, LSTALVDT + 1) <= LAST_DAY
    QUALIFY row_number() OVER (PARTITION BY USUBJID ORDER BY last_day_of(DSSTDTC), DSSEQ) = 1
),

-- Responses that could be evaluated (NE could not).
assessment AS (
    SELECT USUBJID, RANDDT, first_day(RSDTC) AS ADT, flag(RSDTC) AS ADTF, RSSEQ AS SRCSEQ, RSSTRESC
    FROM rs JOIN patients USING (USUBJID), cut
    WHERE RSTESTCD = 'OVRLRESP' AND RSSTRESC IN ('sCR', 'CR', 'VGPR', 'PR', 'MR', 'SD', 'PD')
      AND first_day(RSDTC) <= LAST_DAY
),
last_assessment AS (
    SELECT USUBJID, ADT, ADTF, SRCSEQ
    FROM assessment
    WHERE ADT > RANDDT
    QUALIFY row_number() OVER (PARTITION BY USUBJID ORDER BY ADT DESC, SRCSEQ DESC) = 1
),

-- 2.6, PDDT: not before the day after the last assessment without progression that it can follow, nor before
-- the day after randomisation; progression up to randomisation is a deviation, not an event.
report AS (
    SELECT r.USUBJID, r.RSSEQ, r.RSDTC, r.RSCAT, r.PDBASIS, p.RANDDT, max(a.ADT) AS LAST_STABLE
    FROM rs r
    JOIN patients p USING (USUBJID)
    LEFT JOIN assessment a
        ON a.USUBJID = r.USUBJID AND a.RSSTRESC <> 'PD' AND a.ADT <= last_day_of(r.RSDTC)
    WHERE r.RSTESTCD = 'PROGRESS'
    GROUP BY ALL
),
report_dated AS (
    SELECT *, not_before(RSDTC, greatest(LAST_STABLE, RANDDT) + 1) AS ADT FROM report
),
report_in_time AS (
    SELECT *, bool_and(RSCAT = 'FOLLOW-UP REPORT') OVER (PARTITION BY USUBJID) AS FOLLOW_UP_ONLY
    FROM report_dated, cut
    WHERE ADT > RANDDT AND ADT <= LAST_DAY
),
-- 2.3: the site's word counts where the markers need not show it: by its basis, or on the follow-up form alone.
by_site AS (
    SELECT USUBJID, ADT, flag(RSDTC) AS ADTF, RSSEQ AS SRCSEQ
    FROM report_in_time
    WHERE FOLLOW_UP_ONLY
       OR list_has_any(string_split_regex(PDBASIS, ' ?; ?'), ['BONE', 'PLASMACYTOMA', 'CALCIUM', 'CLINICAL'])
    QUALIFY row_number() OVER (PARTITION BY USUBJID ORDER BY last_day_of(RSDTC), RSSEQ) = 1
),
progression AS (
    SELECT USUBJID, ADT, ADTF, SRCDOM, SRCVAR, SRCSEQ
    FROM (
        SELECT 1 AS RANK, USUBJID, ADT, ADTF, SRCDOM, SRCVAR, SRCSEQ
        FROM by_markers WHERE PARAMCD = 'PDEBMT'
        UNION ALL SELECT 2, USUBJID, ADT, ADTF, 'RS', 'RSDTC', SRCSEQ FROM by_site
    )
    QUALIFY row_number() OVER (PARTITION BY USUBJID ORDER BY ADT, RANK) = 1
),

-- 2.3: the site's own first report, whatever its basis.
by_investigator AS (
    SELECT USUBJID, ADT, flag(RSDTC) AS ADTF, RSSEQ AS SRCSEQ
    FROM report_in_time
    QUALIFY row_number() OVER (PARTITION BY USUBJID ORDER BY last_day_of(RSDTC), RSSEQ) = 1
),

-- 2.8: the day beyond which an event of the parameter does not count.
first_event AS (
    SELECT USUBJID, RANDDT, least(p.ADT, d.ADT) AS EVENTDT
    FROM patients LEFT JOIN progression p USING (USUBJID) LEFT JOIN death d USING (USUBJID)
),
seen_before_event AS (
    SELECT e.USUBJID, EVENTDT, coalesce(max(a.ADT), any_value(e.RANDDT)) AS LAST_SEEN
    FROM first_event e
    LEFT JOIN assessment a ON a.USUBJID = e.USUBJID AND a.ADT > e.RANDDT AND a.ADT < EVENTDT
    GROUP BY ALL
),
day_limit AS (
    SELECT USUBJID, p AS PARAMCD, XODT AS LIMITDT
    FROM patients, (VALUES ('TTPXO'), ('OSXO')) AS t (p) WHERE XODT IS NOT NULL
    UNION ALL
    SELECT USUBJID, 'TTPNACT', min(first_day(CMSTDTC))
    FROM cm, cut WHERE CMCAT = 'SUBSEQUENT ANTI-MYELOMA' AND first_day(CMSTDTC) <= LAST_DAY
    GROUP BY USUBJID
    UNION ALL
    -- Two visits three months apart, and four weeks.
    SELECT USUBJID, 'TTPMISS', LAST_SEEN FROM seen_before_event WHERE EVENTDT - LAST_SEEN > 2 * 91 + 28
),

-- 2.9: after randomisation, invasive, not a basal-cell or squamous-cell skin cancer, first per patient;
-- leukaemia within 90 days of a myelodysplastic syndrome is the same event.
cancer AS (
    SELECT ce.*, RANDDT, not_before(CESTDTC, RANDDT) AS ADT FROM ce JOIN patients USING (USUBJID)
),
second_cancer AS (
    SELECT USUBJID, ADT, flag(CESTDTC) AS ADTF, CESEQ AS SRCSEQ
    FROM cancer c, cut
    WHERE ADT > RANDDT AND ADT <= LAST_DAY AND INVASIVE = 'Y' AND CESCAT IN ('HEMATOLOGIC', 'SOLID')
      AND NOT (
          SPMGRP IS NOT DISTINCT FROM 'AML' AND EXISTS (
              SELECT 1 FROM cancer m
              WHERE m.USUBJID = c.USUBJID AND m.SPMGRP = 'MDS'
                AND (m.ADT, m.CESEQ) < (c.ADT, c.CESEQ) AND c.ADT - m.ADT <= 90
          )
      )
    QUALIFY row_number() OVER (PARTITION BY USUBJID ORDER BY ADT, CESEQ) = 1
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
    UNION ALL SELECT 'CANCER', USUBJID, ADT, ADTF, 'CE', 'CESTDTC', SRCSEQ, NULL, NULL FROM second_cancer
    UNION ALL SELECT 'ASSESSED', USUBJID, ADT, ADTF, 'RS', 'RSDTC', SRCSEQ, NULL, NULL FROM last_assessment
    UNION ALL
    SELECT 'RANDOMISED', USUBJID, first_day(DSSTDTC), flag(DSSTDTC), 'DS', 'DSSTDTC', DSSEQ, NULL, NULL
    FROM ds, cut WHERE DSDECOD = 'RANDOMIZED' AND first_day(DSSTDTC) <= LAST_DAY
    UNION ALL SELECT 'CROSSED', USUBJID, XODT, NULL, 'ADSL', 'XODT', NULL, NULL, NULL
    FROM patients, cut WHERE XODT <= LAST_DAY
    UNION ALL SELECT 'ALIVE', USUBJID, ADT, ADTF, SRCDOM, SRCVAR, SRCSEQ, RANK, CNSDTDSC FROM alive_dated
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
)
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
ORDER BY USUBJID, PARAMCD;
