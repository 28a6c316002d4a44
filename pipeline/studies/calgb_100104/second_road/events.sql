-- What happened to each subject, from the tabulation datasets: the facts on which ADSL, ADTTE and ADAE rest.
--
-- The second road to the analysis datasets: written from the trial's clinical rules (2.3 which progression
-- counts, 2.6 partial dates, 2.8 time to event, 2.9 second cancers) and the variables' own definitions, not
-- from the pipeline's code, to be compared with it cell by cell. Runs first; then markers, adsl, adtte, adae.
-- Reads the domains; run (CUTOFF, UNBLINDING), one row; cut_by_form (FORM, CUTOFF), the forms that are cut on
-- another day.

-- A partial date (--DTC) may mean any day from first_day to last_day_of; nothing known: NULL.
CREATE MACRO first_day(dtc) AS
    CASE length(dtc)
        WHEN 10 THEN try_cast(dtc AS DATE)
        WHEN 7 THEN try_cast(dtc || '-01' AS DATE)
        ELSE try_cast(dtc[1:4] || '-01-01' AS DATE)
    END;
CREATE MACRO last_day_of(dtc) AS
    CASE length(dtc)
        WHEN 10 THEN try_cast(dtc AS DATE)
        WHEN 7 THEN last_day(try_cast(dtc || '-01' AS DATE))
        ELSE try_cast(dtc[1:4] || '-12-31' AS DATE)
    END;
CREATE MACRO complete(dtc) AS CASE WHEN length(dtc) = 10 THEN try_cast(dtc AS DATE) END;
CREATE MACRO flag(dtc) AS
    CASE length(dtc) WHEN 10 THEN NULL WHEN 7 THEN 'D' ELSE 'M' END;
-- A bound moves a day only where the known part of the date allows the bound's day.
CREATE MACRO later_of(day, dtc, bound) AS
    CASE WHEN bound BETWEEN first_day(dtc) AND last_day_of(dtc) THEN greatest(day, bound) ELSE day END;
CREATE MACRO earlier_of(day, dtc, bound) AS
    CASE WHEN bound BETWEEN first_day(dtc) AND last_day_of(dtc) THEN least(day, bound) ELSE day END;
CREATE MACRO not_before(dtc, bound) AS later_of(first_day(dtc), dtc, bound);
-- Days of a study have no day 0.
CREATE MACRO yn(said) AS CASE WHEN said THEN 'Y' ELSE 'N' END;
CREATE MACRO study_day(day, day_1) AS day - day_1 + (day >= day_1)::INT;

CREATE TABLE cut AS SELECT CUTOFF AS LAST_DAY FROM run;
CREATE MACRO last_day_for(one) AS
    coalesce((SELECT max(CUTOFF) FROM cut_by_form WHERE FORM = one), (SELECT LAST_DAY FROM cut));

CREATE TABLE subject AS
SELECT
    USUBJID,
    (SELECT min(complete(PRSTDTC)) FROM pr WHERE pr.USUBJID = dm.USUBJID) AS ASCTDT,
    (SELECT min(complete(DSSTDTC)) FROM ds WHERE ds.USUBJID = dm.USUBJID AND DSDECOD = 'RANDOMIZED') AS RANDDT
FROM dm;

-- 2.8, OS: every record that shows the patient alive, in the order in which they win a shared day.
CREATE TABLE alive AS
WITH shown AS (
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
)
SELECT * EXCLUDE (DTC), first_day(DTC) AS ADT, flag(DTC) AS ADTF
FROM shown, cut
WHERE first_day(DTC) <= LAST_DAY;

CREATE TABLE last_alive AS SELECT USUBJID, max(ADT) AS LSTALVDT FROM alive GROUP BY USUBJID;

-- 2.6, DTHDT: not before the day after the last date known alive. One report counts: the one whose last
-- possible day is earliest. Going off treatment because of death is dated by the end of treatment.
CREATE TABLE death AS
SELECT USUBJID, not_before(DSSTDTC, LSTALVDT + 1) AS ADT, flag(DSSTDTC) AS ADTF, DSSEQ AS SRCSEQ
FROM ds LEFT JOIN last_alive USING (USUBJID), cut
WHERE DSDECOD = 'DEATH' AND DSSCAT IS DISTINCT FROM 'STUDY TREATMENT'
  AND not_before(DSSTDTC, LSTALVDT + 1) <= LAST_DAY
QUALIFY row_number() OVER (PARTITION BY USUBJID ORDER BY last_day_of(DSSTDTC), DSSEQ) = 1;

-- Responses that could be evaluated (NE could not).
CREATE TABLE assessment AS
SELECT USUBJID, RANDDT, first_day(RSDTC) AS ADT, flag(RSDTC) AS ADTF, RSSEQ AS SRCSEQ, RSSTRESC
FROM rs JOIN subject USING (USUBJID), cut
WHERE RSTESTCD = 'OVRLRESP' AND RSSTRESC IN ('sCR', 'CR', 'VGPR', 'PR', 'MR', 'SD', 'PD')
  AND first_day(RSDTC) <= LAST_DAY;

-- 2.6, PDDT: not before the day after the last assessment without progression that it can follow, nor before
-- the day after randomisation; progression up to randomisation is a deviation, not an event.
CREATE TABLE report_in_time AS
WITH report AS (
    SELECT r.USUBJID, r.RSSEQ, r.RSDTC, r.RSCAT, r.PDBASIS, s.RANDDT, max(a.ADT) AS LAST_STABLE
    FROM rs r
    JOIN subject s USING (USUBJID)
    LEFT JOIN assessment a
        ON a.USUBJID = r.USUBJID AND a.RSSTRESC <> 'PD' AND a.ADT <= last_day_of(r.RSDTC)
    WHERE r.RSTESTCD = 'PROGRESS'
    GROUP BY ALL
),
dated AS (
    SELECT *, not_before(RSDTC, greatest(LAST_STABLE, RANDDT) + 1) AS ADT FROM report
)
SELECT *, bool_and(RSCAT = 'FOLLOW-UP REPORT') OVER (PARTITION BY USUBJID) AS FOLLOW_UP_ONLY
FROM dated, cut
WHERE ADT > RANDDT AND ADT <= LAST_DAY;

-- 2.3: the site's own first report, whatever its basis.
CREATE TABLE by_investigator AS
SELECT USUBJID, ADT, flag(RSDTC) AS ADTF, RSSEQ AS SRCSEQ
FROM report_in_time
QUALIFY row_number() OVER (PARTITION BY USUBJID ORDER BY last_day_of(RSDTC), RSSEQ) = 1;

-- 2.9: after randomisation, invasive, not a basal-cell or squamous-cell skin cancer, first per patient;
-- leukaemia within 90 days of a myelodysplastic syndrome is the same event.
CREATE TABLE second_cancer AS
WITH cancer AS (
    SELECT ce.*, RANDDT, not_before(CESTDTC, RANDDT) AS ADT FROM ce JOIN subject USING (USUBJID)
)
SELECT USUBJID, ADT, flag(CESTDTC) AS ADTF, CESEQ AS SRCSEQ
FROM cancer c
WHERE ADT > RANDDT AND ADT <= last_day_for('new_primary_cancer')
  AND INVASIVE = 'Y' AND CESCAT IN ('HEMATOLOGIC', 'SOLID')
  AND NOT (
      SPMGRP IS NOT DISTINCT FROM 'AML' AND EXISTS (
          SELECT 1 FROM cancer m
          WHERE m.USUBJID = c.USUBJID AND m.SPMGRP = 'MDS'
            AND (m.ADT, m.CESEQ) < (c.ADT, c.CESEQ) AND c.ADT - m.ADT <= 90
      )
  )
QUALIFY row_number() OVER (PARTITION BY USUBJID ORDER BY ADT, CESEQ) = 1;
