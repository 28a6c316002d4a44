"""Audits on drawn rows: what a permuted block may hold, and which sources lead nowhere."""

from __future__ import annotations

import polars as pl

from pipeline.derive.audit import audit_blocks, unresolved_sources, without_parameter

SIX = 6


def adsl(*blocks: str, stratum: str = "A") -> pl.DataFrame:
    """One row per letter of each block: L or P is an arm, - is not randomised."""
    rows = [
        {
            "STRATAR": None if arm == "-" else stratum,
            "BLOCKNO": None if arm == "-" else number,
            "TRT01P": {"L": "LEN", "P": "PBO"}.get(arm),
            "RANDFL": "N" if arm == "-" else "Y",
        }
        for number, block in enumerate(blocks, start=1)
        for arm in block
    ]
    schema = {"STRATAR": pl.String, "BLOCKNO": pl.Int64, "TRT01P": pl.String, "RANDFL": pl.String}
    return pl.DataFrame(rows, schema=schema)


def test_balanced_and_unfinished_blocks_pass() -> None:
    assert audit_blocks(adsl("LPPLPL", "PPPLLL", "LLL", "--"), SIX).is_empty()


def test_a_block_with_four_of_an_arm_is_named() -> None:
    found = audit_blocks(adsl("LPPLPL", "LLPLLP"), SIX)
    assert found.rows() == [("A", 2, 6, "LEN", 4)]


def test_a_block_that_is_too_long_is_named_for_both_arms() -> None:
    assert audit_blocks(adsl("LPLPLPLP"), SIX)["OF_ARM"].to_list() == [4, 4]
    assert audit_blocks(adsl("LLLPPPL"), SIX)["N"].to_list() == [7, 7]


def test_strata_are_kept_apart() -> None:
    two = pl.concat([adsl("LLL"), adsl("LLL", stratum="B")])
    assert audit_blocks(two, SIX).is_empty()


def test_a_randomised_subject_without_block_or_arm_is_not_passed_over() -> None:
    lost = adsl("LP").with_columns(BLOCKNO=pl.lit(None, pl.Int64))
    assert audit_blocks(lost, SIX).height == 2
    assert audit_blocks(adsl("LP").with_columns(TRT01P=pl.lit(None, pl.String)), SIX).height == 1


def test_sources_that_lead_to_no_value_are_named() -> None:
    adtte = pl.DataFrame(
        {
            "USUBJID": ["1", "2", "3", "4", "5"],
            "PARAMCD": ["OS"] * 5,
            "SRCDOM": ["RS", "RS", "RS", "XX", "ADSL"],
            "SRCVAR": ["RSDTC", "RSDTC", "RSDTC", "RSDTC", "RANDDT"],
            "SRCSEQ": [1, 2, 1, 1, None],
        }
    )
    rs = pl.DataFrame({"USUBJID": ["1", "2", "3"], "RSSEQ": [1, 1, 1], "RSDTC": ["2009", "2009", None]})
    subjects = pl.DataFrame({"USUBJID": ["5"], "RANDDT": ["2009-01-01"]})
    found = unresolved_sources(adtte, {"rs": rs, "adsl": subjects})
    assert found["USUBJID"].to_list() == ["2", "3", "4"]  # no such record, no such value, no such dataset


def test_without_any_dataset_no_source_resolves() -> None:
    adtte = pl.DataFrame(
        {"USUBJID": ["1"], "PARAMCD": ["OS"], "SRCDOM": ["RS"], "SRCVAR": ["RSDTC"], "SRCSEQ": [1]}
    )
    assert unresolved_sources(adtte, {}).height == 1


def test_a_subject_without_the_origin_is_named_for_each_parameter() -> None:
    adsl = pl.DataFrame({"USUBJID": ["A", "B", "C"], "ITTFL": ["Y", "Y", "N"]})
    adtte = pl.DataFrame({"USUBJID": ["A", "A", "B"], "PARAMCD": ["OS", "TTSPM", "TTSPM"]})
    assert without_parameter(adtte, adsl).rows() == [("B", "OS")]
    assert without_parameter(adtte, adsl.head(1)).is_empty()
