"""Rules about names, labels, texts and keys: what any dataset must hold to, whatever it is about.

What does not belong here: rules about what a variable means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import polars as pl

from pipeline.conformance.datasets import ADAM, ADSL, DATASETS, OCCDS, SDTM, TTE, Dataset, Datasets, Variable
from pipeline.conformance.rule import Find, Found, Rule, absent, blank, each, together
from pipeline.conformance.terms import LABELS

NAME_LENGTH, LABEL_LENGTH, VALUE_BYTES = 8, 40, 200
ADSL_LABEL = "Subject-Level Analysis Dataset"


def _named(breaks: Callable[[str], bool]) -> Find:
    return lambda d, _: (Found(name) for name in d.names if breaks(name))


def _labelled(breaks: Callable[[Variable], bool]) -> Find:
    return lambda d, _: (Found(v.name, value=v.label) for v in d.variables.values() if breaks(v))


def _dataset(breaks: Callable[[Dataset], bool], value: Callable[[Dataset], str]) -> Find:
    return lambda d, _: iter([Found(None, value=value(d))] if breaks(d) else [])


def _texts(breaks: Callable[[pl.Expr], pl.Expr]) -> Find:
    return lambda d, _: (Found(name, breaks(pl.col(name))) for name in d.texts())


def _label_says(pattern: str, *words: str) -> Find:
    """Labels of variables so named that lack one of the words, other than the standard's own labels."""

    def breaks(variable: Variable) -> bool:
        lacks = not all(word.lower() in variable.label.lower() for word in words)
        meant = bool(variable.label) and variable.name not in LABELS
        return meant and lacks and bool(re.fullmatch(pattern, variable.name))

    return _labelled(breaks)


def standard_label(name: str) -> str | None:
    """The label that ADaM gives a variable of this name."""
    digits = re.search(r"\d+", name)
    label = LABELS.get(re.sub(r"\d+", "#", name))
    return label.replace("#", digits[0]) if label and digits else label


def _other_label(d: Dataset, _: Datasets) -> Iterator[Found]:
    for variable in d.variables.values():
        label = standard_label(variable.name)
        if label and variable.label and variable.label.lower() != label.lower():
            yield Found(variable.name, value=f"{variable.label}; the standard has {label}")


def _unlike(
    others: Callable[[Dataset, Datasets], Iterator[Dataset]], of: Callable[[Dataset, str], object]
) -> Find:
    """Variables that another dataset has under the same name, and describes otherwise."""

    def find(d: Dataset, study: Datasets) -> Iterator[Found]:
        for other in others(d, study):
            for name in d.names:
                here, there = of(d, name), of(other, name) if other.has(name) else None
                if here and there and here != there:
                    yield Found(name, value=f"{here}; {other.name} has {there}")

    return find


def _adsl(d: Dataset, study: Datasets) -> Iterator[Dataset]:
    if d.name != "ADSL" and "ADSL" in study:
        yield study["ADSL"]


def _tabulated(_: Dataset, study: Datasets) -> Iterator[Dataset]:
    yield from (other for other in study.values() if other.structure in SDTM)


def _label(d: Dataset, name: str) -> str:
    return d.variables[name].label


def _format(d: Dataset, name: str) -> str:
    return d.variables[name].format


def _kind(d: Dataset, name: str) -> str:
    return "Char" if d.types[name] == pl.String else "Num"


def _key(d: Dataset) -> tuple[str, ...]:
    """The key that is declared, or that its class implies."""
    if d.key:
        return d.key
    if d.structure == TTE:
        return ("USUBJID", "PARAMCD")
    return ("USUBJID", d.sequence) if d.structure == OCCDS and d.sequence else ()


def _duplicates(d: Dataset, _: Datasets) -> Iterator[Found]:
    key = _key(d)
    if key and d.has(*key):
        shown = pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in key], separator=", ")
        yield Found(key[-1], pl.struct(key).is_duplicated(), shown)


def _copies(d: Dataset, _: Datasets) -> Iterator[Found]:
    if d.names:
        yield Found(None, pl.struct(d.names).is_duplicated(), "the same as another row in every variable")


def _empty(d: Dataset, _: Datasets) -> Iterator[Found]:
    if d.take(*d.names[:1]).head(1).collect().is_empty():
        yield Found(None, value="no rows")


def _unused(d: Dataset, _: Datasets) -> Iterator[Found]:
    rows = d.rows.select(pl.len(), pl.all().is_not_null().any()).collect().row(0, named=True)
    if rows["len"]:
        yield from (Found(name) for name in d.names if rows[name] is False)


def _sequence(d: Dataset, _: Datasets) -> Iterator[Found]:
    if d.has("ASEQ", "USUBJID"):
        yield Found("ASEQ", pl.struct("USUBJID", "ASEQ").is_duplicated())


RULES = (
    Rule(
        "NM01", "error", DATASETS, "A dataset's name is 1 to 8 upper-case letters and digits, a letter first",
        "rename the dataset",
        _dataset(lambda d: not re.fullmatch(r"[A-Z][A-Z0-9_]{0,7}", d.name), lambda d: d.name),
        ("SDTM CG0018",),
    ),
    Rule(
        "NM02", "error", ADAM, "An analysis dataset's name begins with AD", "rename the dataset",
        _dataset(lambda d: not d.name.startswith("AD"), lambda d: d.name), ("ADaM 496",),
    ),
    Rule(
        "NM03", "error", DATASETS, "A variable's name has at most 8 characters",
        "shorten the name", _named(lambda n: len(n) > NAME_LENGTH), ("ADaM 13", "SDTM CG0310"),
    ),
    Rule(
        "NM04", "error", DATASETS, "A variable's name begins with a letter (A-Z)",
        "rename the variable", _named(lambda n: not re.match("[A-Z]", n)), ("ADaM 14", "SDTM CG0310"),
    ),
    Rule(
        "NM05", "error", DATASETS, "A variable's name holds only A-Z, 0-9 and the underscore",
        "rename the variable", _named(lambda n: not re.fullmatch("[A-Z0-9_]*", n)),
        ("ADaM 15", "SDTM CG0310"),
    ),
    Rule(
        "NM06", "error", DATASETS, "A variable's label has at most 40 characters", "shorten the label",
        _labelled(lambda v: len(v.label) > LABEL_LENGTH), ("ADaM 16", "SDTM CG0311"),
    ),
    Rule(
        "NM07", "warning", DATASETS, "Every variable has a label", "give the variable a label",
        _labelled(lambda v: not v.label),
    ),
    Rule(
        "NM08", "error", DATASETS, "A text has at most 200 bytes",
        "shorten the text, or split it over two variables",
        _texts(lambda text: text.str.len_bytes() > VALUE_BYTES), ("ADaM 17",),
    ),
    Rule(
        "NM09", "warning", DATASETS, "A dataset has a label of at most 40 characters", "give it a label",
        _dataset(lambda d: not 0 < len(d.label) <= LABEL_LENGTH, lambda d: d.label or "no label"),
    ),
    Rule(
        "NM10", "error", (ADSL,), f"ADSL's label is {ADSL_LABEL}", "give ADSL its standard label",
        _dataset(lambda d: d.label != ADSL_LABEL, lambda d: d.label or "no label"), ("ADaM 320",),
    ),
    Rule(
        "NM11", "error", ADAM, f"Only ADSL is labelled {ADSL_LABEL}", "give the dataset its own label",
        _dataset(lambda d: d.label == ADSL_LABEL and d.name != "ADSL", lambda d: d.label), ("ADaM 321",),
    ),
    Rule(
        "NM12", "warning", DATASETS, "A text holds printable ASCII characters only",
        "write the character in ASCII: transport files hold no other",
        _texts(lambda text: text.str.contains(r"[^ -~]")),
    ),
    Rule(
        "NM13", "warning", DATASETS, "A text does not begin with a blank and is not a lone full stop",
        "strip the text; a missing text is empty",
        _texts(lambda text: text.str.starts_with(" ") | (text == ".")), ("FDA FDAB015",),
    ),
    Rule(
        "NM14", "error", ADAM, "The label of a variable named *DT says Date", "say Date in the label",
        _label_says(r".*DT", "date"), ("ADaM 503",),
    ),
    Rule(
        "NM15", "error", ADAM, "The label of a variable named *DTM says Datetime",
        "say Datetime in the label",
        _label_says(r".*DTM", "datetime"), ("ADaM 505",),
    ),
    # Rule 507 wants "Date Imputation Flag", but the standard's own DTHDTF is "Date of Death Imputation Flag".
    Rule(
        "NM16", "error", ADAM, "The label of a variable named *DTF says Date and Imputation Flag",
        "say both in the label", _label_says(r".*DTF", "date", "imputation flag"), ("ADaM 507",),
    ),
    Rule(
        "NM17", "error", ADAM, "The label of a variable named *ADY says Relative Day",
        "say Relative Day in the label", _label_says(r".*ADY", "relative day"), ("ADaM 506",),
    ),
    Rule(
        "NM18", "warning", ADAM, "A variable that ADaM defines has the label that ADaM gives it",
        "use the standard label, or another name for another meaning", _other_label, ("ADaM 708",),
    ),
    Rule(
        "NM19", "error", ADAM, "A variable of ADSL has ADSL's label in every dataset", "use ADSL's label",
        _unlike(_adsl, _label), ("ADaM 85",),
    ),
    Rule(
        "NM20", "error", ADAM, "A variable of ADSL has ADSL's format in every dataset", "use ADSL's format",
        _unlike(_adsl, _format), ("ADaM 86",),
    ),
    Rule(
        "NM21", "error", ADAM, "A variable of ADSL has ADSL's type in every dataset", "use ADSL's type",
        _unlike(_adsl, _kind),
    ),
    Rule(
        "NM22", "error", ADAM, "A variable of a tabulation dataset keeps its label",
        "use the label of the tabulation dataset", _unlike(_tabulated, _label), ("ADaM 2",),
    ),
    Rule(
        "NM23", "error", ADAM, "A variable of a tabulation dataset keeps its type",
        "keep the type, or use another name", _unlike(_tabulated, _kind), ("ADaM 199",),
    ),
    Rule(
        "KY01", "error", ADAM, "STUDYID and USUBJID are there", "add the variable",
        absent("STUDYID", "USUBJID"), ("ADaM 88", "ADaM 89"),
    ),
    Rule(
        "KY02", "error", ADAM, "STUDYID and USUBJID have a value in every row", "fill the variable",
        blank("STUDYID", "USUBJID"),
    ),
    Rule(
        "KY03", "error", DATASETS, "One row for each value of the key",
        "remove the duplicate, or add to the key what tells the rows apart", _duplicates, ("SDTM CG0019",),
    ),
    Rule(
        "KY04", "warning", DATASETS, "No two rows agree in every variable", "remove the duplicate", _copies,
    ),
    Rule(
        "KY05", "error", ADAM, "ASEQ is unique within a subject", "number the rows of each subject",
        _sequence,
    ),
    Rule(
        "KY06", "note", DATASETS, "A dataset has at least one row",
        "leave the dataset out, or say why it is empty", _empty, ("SDTM CG0408",),
    ),
    Rule("KY07", "note", DATASETS, "A variable has a value in at least one row",
         "leave the variable out unless it is required or expected", _unused),
    Rule(
        "KY08", "error", DATASETS, "STUDYID is the same in all datasets and rows, as in DM",
        "correct STUDYID: a folder holds one study",
        together(
            each("STUDYID", lambda name, d: pl.col(name).n_unique() > 1 if d.domain == "DM" else None),
            lambda d, study: _foreign(d, study),
        ),
        ("SDTM CG0409",),
    ),
)  # fmt: skip


def _foreign(d: Dataset, study: Datasets) -> Iterator[Found]:
    """Rows whose STUDYID is not that of DM, or of ADSL where there is no DM."""
    reference = study.get("DM") or study.get("ADSL")
    if reference and reference.name != d.name and reference.has("STUDYID") and d.has("STUDYID"):
        known = reference.take("STUDYID").unique().collect().to_series()
        yield Found("STUDYID", ~pl.col("STUDYID").is_in(known.to_list()))
