"""What this room's refusals, faults and states are called."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fenji.ground.common.edge import register_refusals
from fenji.ground.common.imports import register_faults
from fenji.ground.documents import rules

STATES = {
    rules.UPLOADED: _("Waits to be checked"),
    rules.JUDGING: _("Being checked"),
    rules.JUDGED: _("Checked, waits for you"),
    rules.WRITING: _("Being written"),
    rules.DONE: _("Taken in"),
    rules.FAILED: _("Not possible"),
    rules.STOPPED: _("Discarded"),
}

PAPERS = {
    rules.CHARTER: _("Charter"),
    rules.POSITIONING: _("Functional positioning"),
    rules.DUTIES: _("List of powers and duties"),
    rules.OPERATING_RULES: _("Operating rules of the community"),
}
KINDS = {
    "pdf": "PDF",
    "docx": "Word",
    "doc": "Word",
    "xlsx": "Excel",
    "xls": "Excel",
    "png": _("Picture"),
    "jpeg": _("Picture"),
}
"""What the kinds of files that papers come in are called."""
GAPS = {
    "no_charter": _("no charter"),
    "no_positioning": _("no functional positioning"),
    "no_duties": _("no list of powers and duties"),
    "no_operating_rules": _("no operating rules"),
}

_SAVE_AS = _("Open it in Excel or WPS, choose “Save as”, type Excel workbook (.xlsx), and send that file.")


def register() -> None:
    """Called once at start-up."""
    register_refusals(_REFUSALS)
    register_faults(_FAULTS)


_REFUSALS = {
    "not_a_list": (_("This file is neither an Excel workbook (.xlsx, .xls) nor a CSV file, whatever its name says."), _SAVE_AS),
    "file_protected": (
        _("This workbook is protected with a password."),
        _("Open it in Excel, take the password away under File, Info, Protect workbook, save it, and send it again."),
    ),
    "file_empty": (
        _("There is nothing to take in: the file has no rows below its heading."),
        _("Fill in at least one row of your own below the heading, save the file, and send it again."),
    ),
    "file_swells": (
        _("This file would take up far more room than a list needs, so it was not opened."),
        _("Copy the rows of the list alone into the template, without pictures and without anything far below or beside them."),
    ),
    "file_damaged": (
        _("This file cannot be read to its end."),
        _("Open it in Excel or WPS, see whether all rows are there, save it anew, and send it again."),
    ),
    "quote_open": (
        _("A quotation mark in or after row %(line)s of this file is not closed, so rows would run into one another."),
        _("Open the file in Excel, see whether all rows are there, save it as an Excel workbook (.xlsx), and send that."),
    ),
    "heading_missing": (
        _("No row of this file holds the headings of this list."),
        _("Take the headings from the template; their order does not matter. Check that you chose the right list."),
    ),
    "columns_missing": (
        _("These columns are needed and are not there: %(columns)s."),
        _("Add them under the headings of the template, and send the file again."),
    ),
    "column_twice": (
        _("Two columns have the same heading: %(columns)s."),
        _("Remove or rename one of them, and send the file again."),
    ),
    "too_many_rows": (
        _("One file may hold at most %(rows)s rows."),
        _("Divide the list into several files. Rows sent twice do no harm."),
    ),
    "file_too_large": (
        _("The file is larger than %(megabytes)s MB."),
        _("Copy the rows of the list alone into the template, without pictures; or divide the list into several files."),
    ),
    "file_kind": (
        _("Files of this kind are not kept here; judged by its content, it must be one of: %(kinds)s."),
        _("Save the file in one of these kinds, and send it again."),
    ),
    "too_large_to_keep": (
        _("The file is larger than %(megabytes)s MB."),
        _("Save it as PDF, or scan or photograph it at a lower resolution, and send it again."),
    ),
    "paper_starts_early": (
        _("This version would begin before the one it replaces has begun."),
        _("Give a day after %(after)s; if the version there is a mistake, take it back first."),
    ),
    "import_not_yours": (
        _("A colleague sent this list."),
        _("Who sent it decides. You can send the same file yourself: rows that are there already change nothing."),
    ),
    "import_moved_on": (
        _("That cannot be done with this import any more."),
        _("Look at where it stands on this page; to take in more rows, send a file again."),
    ),
    "import_broke": (
        _("Something broke on our side while this file was taken in. Nothing of it was written."),
        _("Send the same file again; if it stays so, tell your administrator."),
    ),
}

_FAULTS = {
    "cell_empty": _("is empty, and is needed. Fill it in."),
    "cell_merged": _("belongs to a merged area. Undo the merging and fill in each cell."),
    "cell_broken": _("holds an error, or a formula that was never computed. Open the file in Excel, put the value itself there."),
    "cell_became_date": _("“%(value)s” was made a date by Excel. Format the column as text and type it again."),
    "cell_lost_digits": _("“%(value)s” has lost digits: Excel keeps 15 of a number. Format the column as text and type it again."),
    "cell_lost_zeros": _(
        "“%(value)s” came as a number, which keeps no zeros at its end. Format the column as text and type the code again."
    ),
    "cell_characters": _("“%(value)s” has line breaks or characters that cannot be seen. Type it again."),
    "cell_long": _("“%(value)s” is longer than %(longest)s characters. Shorten it."),
    "cell_whole": _("“%(value)s” is no whole number."),
    "cell_number": _("“%(value)s” is no number."),
    "cell_date": _("“%(value)s” is no date. Write it as 2026-09-30."),
    "cell_yes_no": _("“%(value)s” is neither yes nor no."),
    "cell_choice": _("“%(value)s” is none of the choices: %(choices)s."),
    "row_twice": _("The same entry stands in line %(lines)s as well. Keep the right one."),
    "row_beyond": _("“%(value)s” stands beyond the last heading. Put quotation marks around values that hold the delimiter."),
    "row_sample": _("is marked as the sample row, but was changed. Clear the mark in its last column."),
}
