"""Unit constants: the only numbers that rules may name besides -1, 0, 1 and 2."""

from decimal import Decimal

SECONDS_PER_MINUTE = 60
MINUTES_PER_HOUR = 60
HOURS_PER_DAY = 24
MINUTES_PER_DAY = MINUTES_PER_HOUR * HOURS_PER_DAY
DAYS_PER_WEEK = 7
MONTHS_PER_YEAR = 12
SATURDAY = 5  # datetime.date.weekday(): Monday is 0
FEN_PER_YUAN = 100
PERCENT = 100
PER_MILLE = 1000
ICD10_CATEGORY_LENGTH = 3  # "I10" of "I10.x00"
REGION_CODE_WIDTH = 12  # statistical division code, province to village
REGION_PREFIXES = {"province": 2, "city": 4, "county": 6, "town": 9, "township": 9, "street": 9, "zone": 9}
"""Kind of region → how many digits of its code all regions below share."""
COUNTY_CODE_LENGTH = 6  # GB/T 2260
LINK_BYTES = 16  # 128 bits of chance in an address that opens something
USCC_LENGTH, USCC_MODULUS, USCC_WEIGHT = 18, 31, 3  # GB 32100-2015
EARTH_RADIUS_KM = 6371  # mean radius, IUGG
TENTH = Decimal("0.1")
IDENTITY_LENGTH = 18  # GB 11643-1999
