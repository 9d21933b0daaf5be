"""Codes and disease groups. Pure."""

from __future__ import annotations

import re

from fenji.ground.common.text import half_width
from fenji.ground.common.units import ICD10_CATEGORY_LENGTH

_CODE = re.compile(r"^[A-Z]\d{2}(?:\.[\dx]\d{0,2}(?:x\d{3})?)?[+†*]?(?:[A-Z]\d{2}(?:\.\d{1,3})?\*)?$")
GROUP_VERSION = "demo-1"
"""Version of the grouping, kept beside every stored group."""


def clean_code(text: str) -> str:
    """A diagnosis code as the tables write it: half-width, first letter upper case, the filler x lower case."""
    code = half_width(text).replace(" ", "")
    return code[:1].upper() + code[1:].replace("X", "x")


def is_code(text: str) -> bool:
    """True for the form of a code of the national tables (DOMAIN 2); says nothing about whether the table has it."""
    return _CODE.match(text) is not None


def disease_group(code: str, group: str) -> str:
    """The group a diagnosis counts in: the catalogue entry's own group, else the three-character ICD-10 category."""
    return group or code[:ICD10_CATEGORY_LENGTH]
