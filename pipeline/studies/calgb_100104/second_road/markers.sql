-- The first progression after randomisation that the markers show, by the criteria of EBMT and of IMWG (2.1 to
-- 2.3), from the disease assessments, and with it the trial's own date of progression. Runs after events.sql, where
-- subjects, deaths and sites' reports come from.

-- 2.1: differences are rounded to four decimals before they are compared.
CREATE MACRO rise(v, lowest) AS round(v - lowest, 4);
CREATE MACRO up(criteria, v, lowest) AS
    CASE criteria WHEN 'EBMT' THEN v > round(1.25 * lowest, 4) ELSE v >= round(1.25 * lowest, 4) END;

-- One visit is the forms of a day. A value stands with its row: what it is, when it was taken, and its --SEQ.
CREATE TABLE visit AS
WITH form AS (
    SELECT USUBJID, RSSPID AS FORM, first_day(any_value(RSDTC)) AS DAY, bool_or(VISIT = 'DAY100') AS DAY100
    FROM rs, cut
    WHERE RSTESTCD IN ('OVRLRESP', 'BONELES', 'PLASMA')
    GROUP BY USUBJID, RSSPID
    HAVING DAY <= any_value(LAST_DAY)
),
value AS (
    SELECT lb.USUBJID, FORM, LBSEQ AS SEQ, 'LB' AS DOM, 'LBDTC' AS VAR, LBDTC AS DTC, LBSTRESN AS N, LBSTRESC AS C,
        CASE WHEN LBTESTCD = 'MSPIKE' THEN LBTESTCD || ' ' || LBSPEC ELSE LBTESTCD END AS WHAT, CAOTHER
    FROM lb JOIN form ON form.USUBJID = lb.USUBJID AND FORM = LBSPID
    WHERE LBSTAT IS NULL AND (LBSTRESN IS NOT NULL OR LBSTRESC IS NOT NULL)
    UNION ALL
    SELECT rs.USUBJID, FORM, RSSEQ, 'RS', 'RSDTC', RSDTC, NULL, RSSTRESC, RSTESTCD, NULL
    FROM rs JOIN form ON form.USUBJID = rs.USUBJID AND FORM = RSSPID
    WHERE RSTESTCD IN ('BONELES', 'PLASMA') AND RSSTRESC IS NOT NULL
),
-- The later form of a day goes before.
of_day AS (
    SELECT USUBJID, DAY, WHAT,
        arg_max({N: N, C: C, SEQ: SEQ, DOM: DOM, VAR: VAR, DTC: DTC, OTHER: coalesce(CAOTHER = 'Y', false)}, SEQ) AS V
    FROM value JOIN form USING (USUBJID, FORM)
    GROUP BY ALL
),
wide AS (
    SELECT USUBJID, DAY,
        any_value(V) FILTER (WHAT = 'MSPIKE SERUM') AS S, any_value(V) FILTER (WHAT = 'MSPIKE URINE') AS U,
        any_value(V) FILTER (WHAT = 'SIFE') AS SIFE, any_value(V) FILTER (WHAT = 'UIFE') AS UIFE,
        any_value(V) FILTER (WHAT = 'KLCFR') AS K, any_value(V) FILTER (WHAT = 'LLCFR') AS L,
        any_value(V) FILTER (WHAT = 'PLSCECE') AS M, any_value(V) FILTER (WHAT = 'CA') AS CA,
        any_value(V) FILTER (WHAT = 'ALB') AS ALB,
        any_value(V) FILTER (WHAT = 'BONELES') AS BONE, any_value(V) FILTER (WHAT = 'PLASMA') AS PLASMA
    FROM of_day GROUP BY USUBJID, DAY
),
-- The reference is the restaging at day 100; without one, the first assessment after transplantation.
reference AS (
    SELECT USUBJID, coalesce(min(DAY) FILTER (DAY100), min(DAY) FILTER (DAY > ASCTDT)) AS FROM_DAY
    FROM form JOIN subject USING (USUBJID) GROUP BY USUBJID
),
seen AS (
    SELECT d.USUBJID, d.DAY, wide.* EXCLUDE (USUBJID, DAY), FROM_DAY, RANDDT,
        row_number() OVER (PARTITION BY d.USUBJID ORDER BY d.DAY) AS NO,
        abs(round(K.N - L.N, 10)) AS FLC,
        -- IMWG: light chains count if serum and urine were never measurable, of what was seen until then.
        coalesce(bool_or(S.N >= 1 OR U.N >= 200) OVER (PARTITION BY d.USUBJID ORDER BY d.DAY), false) AS MEASURABLE
    FROM (SELECT DISTINCT USUBJID, DAY FROM form) d
    JOIN subject USING (USUBJID) JOIN reference USING (USUBJID)
    LEFT JOIN wide ON wide.USUBJID = d.USUBJID AND wide.DAY = d.DAY
),
-- Six weeks of negative immunofixation, marrow below 5% where it was done, begun after the reference.
negative AS (
    SELECT *,
        SIFE.C = 'NEG' AND coalesce(UIFE.C, 'NEG') = 'NEG' AND coalesce(M.N < 5, true) AS NEGATIVE,
        count(*) FILTER (SIFE.C IS NOT NULL AND NOT NEGATIVE) OVER (PARTITION BY USUBJID ORDER BY DAY) AS SPELL
    FROM seen WHERE DAY >= FROM_DAY
),
remission AS (
    SELECT *,
        coalesce(NEGATIVE, false) AND DAY > FROM_DAY AND DAY - min(DAY) FILTER (NEGATIVE AND DAY > FROM_DAY)
            OVER (PARTITION BY USUBJID, SPELL) >= 42 AS REMITTED
    FROM negative
)
SELECT r.* EXCLUDE (NEGATIVE, SPELL, REMITTED),
    min(S.N) OVER before AS LOW_S, min(U.N) OVER before AS LOW_U, min(FLC) OVER before AS LOW_FLC,
    min(M.N) OVER before AS LOW_M,
    coalesce(CR, false) OR coalesce(bool_or(REMITTED) OVER before, false) AS IN_CR,
    -- 2.7: calcium is compared corrected for albumin.
    round(CA.N + 0.8 * (4.0 - ALB.N), 4) > 11.5 AND NOT CA.OTHER AS HIGH_CALCIUM
FROM remission r
LEFT JOIN (
    SELECT USUBJID, bool_or(RSSTRESC IN ('CR', 'sCR')) AS CR
    FROM rs WHERE RSTESTCD = 'OVRLRESP' AND VISIT = 'DAY100' GROUP BY USUBJID
) USING (USUBJID)
WINDOW before AS (PARTITION BY USUBJID ORDER BY DAY ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING);

-- What needs no second assessment. in_cr: of the visit that is judged, which may be an earlier one.
CREATE MACRO by_marrow(criteria, in_cr, v, lowest) AS coalesce(
    CASE criteria
        WHEN 'EBMT' THEN in_cr AND v >= 5 OR v > 1.25 * lowest AND v - lowest >= 10
        ELSE v >= 1.25 * lowest AND v >= 10
    END, false);
CREATE MACRO larger(found) AS coalesce(found IN ('NEW', 'INCREASED'), false);
-- What needs one. The first of these names the visit.
CREATE MACRO by_serum(criteria, v, lowest) AS coalesce(
    up(criteria, v, lowest) AND rise(v, lowest) >= 0.5 OR criteria = 'IMWG' AND lowest >= 5 AND rise(v, lowest) >= 1,
    false);
CREATE MACRO by_urine(criteria, v, lowest) AS coalesce(up(criteria, v, lowest) AND rise(v, lowest) >= 200, false);
CREATE MACRO by_chains(criteria, measurable, v, lowest) AS coalesce(
    criteria = 'IMWG' AND NOT measurable AND up(criteria, v, lowest) AND rise(v, lowest) > 10, false);
CREATE MACRO by_return(criteria, in_cr, sife, uife, s, u) AS coalesce(
    criteria = 'EBMT' AND in_cr AND coalesce(sife <> 'OLIGO', true)
    AND (coalesce(sife = 'POS', false) OR coalesce(uife = 'POS', false) OR coalesce(s > 0, false) OR coalesce(u > 0, false)),
    false);

CREATE TABLE by_markers AS
WITH judged AS (
    SELECT visit.*, CRITERIA,
        CASE
            WHEN by_marrow(CRITERIA, IN_CR, M.N, LOW_M) THEN 'MARROW'
            WHEN larger(BONE.C) THEN 'BONE' WHEN larger(PLASMA.C) THEN 'PLASMACYTOMA'
            WHEN HIGH_CALCIUM THEN 'CALCIUM'
        END AS AT_ONCE,
        CASE
            WHEN by_serum(CRITERIA, S.N, LOW_S) THEN 'SERUM' WHEN by_urine(CRITERIA, U.N, LOW_U) THEN 'URINE'
            WHEN by_chains(CRITERIA, MEASURABLE, FLC, LOW_FLC) THEN 'FLC'
            WHEN by_return(CRITERIA, IN_CR, SIFE.C, UIFE.C, S.N, U.N) THEN 'CR_LOSS'
        END AS RISEN
    FROM visit, (VALUES ('EBMT'), ('IMWG')) AS t (CRITERIA)
    WHERE DAY > FROM_DAY
),
-- The next visit at which the marker was evaluated, or that shows progression at once.
followed AS (
    SELECT i.USUBJID, i.DAY, i.CRITERIA,
        CASE i.RISEN
            WHEN 'SERUM' THEN by_serum(i.CRITERIA, j.S.N, i.LOW_S)
            WHEN 'URINE' THEN by_urine(i.CRITERIA, j.U.N, i.LOW_U)
            WHEN 'FLC' THEN by_chains(i.CRITERIA, i.MEASURABLE, j.FLC, i.LOW_FLC)
            ELSE by_return(i.CRITERIA, i.IN_CR, j.SIFE.C, j.UIFE.C, j.S.N, j.U.N)
        END AS AGAIN,
        by_marrow(i.CRITERIA, i.IN_CR, j.M.N, j.LOW_M) OR larger(j.BONE.C) OR larger(j.PLASMA.C)
            OR coalesce(j.HIGH_CALCIUM, false) AS SHOWN,
        CASE i.RISEN
            WHEN 'SERUM' THEN j.S.N IS NOT NULL WHEN 'URINE' THEN j.U.N IS NOT NULL
            WHEN 'FLC' THEN j.FLC IS NOT NULL
            ELSE coalesce(j.S.C, j.U.C, j.SIFE.C, j.UIFE.C) IS NOT NULL
        END AS EVALUATED
    FROM judged i JOIN visit j ON j.USUBJID = i.USUBJID AND j.DAY > i.DAY
    WHERE i.RISEN IS NOT NULL AND (EVALUATED OR SHOWN)
    QUALIFY row_number() OVER (PARTITION BY i.USUBJID, i.DAY, i.CRITERIA ORDER BY j.DAY) = 1
),
of_myeloma AS (
    SELECT USUBJID FROM death
    WHERE EXISTS (SELECT 1 FROM dd WHERE dd.USUBJID = death.USUBJID AND DDTESTCD = 'PRCDTH' AND DDSTRESC = 'MYELOMA')
),
progressed AS (
    SELECT USUBJID, CRITERIA, DAY, RANDDT, coalesce(AT_ONCE, RISEN) AS BASIS,
        CASE coalesce(AT_ONCE, RISEN)
            WHEN 'MARROW' THEN M WHEN 'BONE' THEN BONE WHEN 'PLASMACYTOMA' THEN PLASMA WHEN 'CALCIUM' THEN CA
            WHEN 'SERUM' THEN S WHEN 'URINE' THEN U WHEN 'FLC' THEN K
            ELSE CASE
                WHEN SIFE.C = 'POS' THEN SIFE WHEN UIFE.C = 'POS' THEN UIFE WHEN S.N > 0 THEN S ELSE U
            END
        END AS V
    FROM judged LEFT JOIN followed USING (USUBJID, DAY, CRITERIA)
    WHERE AT_ONCE IS NOT NULL
       OR RISEN IS NOT NULL AND coalesce(AGAIN OR SHOWN, USUBJID IN (FROM of_myeloma))
)
SELECT USUBJID, 'PD' || CRITERIA AS PARAMCD, first_day(V.DTC) AS ADT, flag(V.DTC) AS ADTF, V.DOM AS SRCDOM,
    V.VAR AS SRCVAR, V.SEQ AS SRCSEQ, BASIS
FROM progressed, cut
WHERE first_day(V.DTC) > RANDDT AND first_day(V.DTC) <= LAST_DAY
QUALIFY row_number() OVER (PARTITION BY USUBJID, CRITERIA ORDER BY DAY) = 1;

-- 2.3: the site's word counts where the markers need not show it: by its basis, or on the follow-up form alone.
-- PDDT is the earlier of that and the markers' date by the criteria of EBMT.
CREATE TABLE progression AS
WITH by_site AS (
    SELECT USUBJID, ADT, flag(RSDTC) AS ADTF, RSSEQ AS SRCSEQ
    FROM report_in_time
    WHERE FOLLOW_UP_ONLY
       OR list_has_any(string_split_regex(PDBASIS, ' ?; ?'), ['BONE', 'PLASMACYTOMA', 'CALCIUM', 'CLINICAL'])
    QUALIFY row_number() OVER (PARTITION BY USUBJID ORDER BY last_day_of(RSDTC), RSSEQ) = 1
),
found AS (
    SELECT 1 AS RANK, USUBJID, ADT, ADTF, SRCDOM, SRCVAR, SRCSEQ FROM by_markers WHERE PARAMCD = 'PDEBMT'
    UNION ALL SELECT 2, USUBJID, ADT, ADTF, 'RS', 'RSDTC', SRCSEQ FROM by_site
)
SELECT * EXCLUDE (RANK)
FROM found
QUALIFY row_number() OVER (PARTITION BY USUBJID ORDER BY ADT, RANK) = 1;
