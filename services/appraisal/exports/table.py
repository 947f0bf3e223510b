"""The report as a table for programs and spreadsheets: CSV, one row a county and indicator. Pure."""

import csv
import io

from services.appraisal.exports.document import Document, number

MEDIA_TYPE = "text/csv; charset=utf-8"
COLUMNS = (
    "period",
    "status",
    "revision",
    "scheme",
    "scheme_version",
    "as_of",
    "provisional",
    "digest",
    "county",
    "county_name",
    "score",
    "rank",
    "county_note",
    "indicator",
    "indicator_name",
    "numerator",
    "denominator",
    "value",
    "target",
    "attainment",
    "weight",
    "points",
    "note",
)
"""Named as in the JSON report, in both languages; ``*_name`` are in the reader's."""
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def table(document: Document) -> bytes:
    """UTF-8 with a byte order mark, so that spreadsheet programs read Chinese; null is an empty cell."""
    report = document.report
    text = io.StringIO(newline="")
    written = csv.writer(text, lineterminator="\r\n")
    written.writerow(COLUMNS)
    labels = [
        report["period"],
        report["status"],
        number(report["revision"]),
        report["scheme"],
        str(report["scheme_version"]),
        report["as_of"] or "",
        number(report["provisional"]),
        report["digest"],
    ]
    for row in document.counties:
        place = [
            _text(row["county"]),
            _text(document.name_of(row)),
            number(row["score"]),
            number(row["rank"]),
            row["note"] or "",
        ]
        for each in row["indicators"]:
            written.writerow(
                [
                    *labels,
                    *place,
                    each["indicator"],
                    document.indicator_name(each["indicator"]),
                    *(
                        number(each[name])
                        for name in (
                            "numerator",
                            "denominator",
                            "value",
                            "target",
                            "attainment",
                            "weight",
                            "points",
                        )
                    ),
                    each["note"] or "",
                ]
            )
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _text(told: str) -> str:
    """A text that no spreadsheet program takes for a formula."""
    return f"'{told}" if told.startswith(_BEGINS_A_FORMULA) else told
