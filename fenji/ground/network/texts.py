"""What this room's refusals and codes are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from fenji.ground.common.edge import register_refusals, register_words
from fenji.ground.network.models import Organisation
from fenji.ground.network.queries import Missing, also_missing

KINDS = {"care": _("Institution of care"), "agency": _("Agency of government"), "task_force": _("Task force")}
AGENCY_KINDS = {
    "health": _("Health commission"),
    "development_reform": _("Development and reform"),
    "finance": _("Finance"),
    "human_resources": _("Human resources and social security"),
    "insurance": _("Healthcare security (insurance)"),
    "education": _("Education"),
    "science": _("Science and technology"),
    "staffing": _("Staffing of public institutions"),
    "financial_supervision": _("Financial supervision"),
    "market_regulation": _("Market regulation"),
    "civil_affairs": _("Civil affairs"),
    "disabled_persons": _("Disabled persons' federation"),
    "digital": _("Digital government"),
}
FORCE_KINDS = {
    "leading_group": _("Leading group"),
    "secretariat": _("Secretariat"),
    "task_force": _("Joint task force"),
    "operations_committee": _("Hospital operations committee"),
    "management_committee": _("Management committee"),
}
FORCE_ROLES = {
    "head": _("Head"),
    "sanyi_leader": _("Leader for the three medical sectors"),
    "deputy": _("Deputy"),
    "member": _("Member"),
    "secretary": _("Secretary"),
}
TIERS = {"village": _("Village"), "township": _("Township"), "county": _("County"), "city": _("City"), "province": _("Province")}
GRADES = {
    "3A": _("Tertiary, class A"),
    "3B": _("Tertiary, class B"),
    "3C": _("Tertiary, class C"),
    "3": _("Tertiary, class not assessed"),
    "2A": _("Secondary, class A"),
    "2B": _("Secondary, class B"),
    "2C": _("Secondary, class C"),
    "2": _("Secondary, class not assessed"),
    "1A": _("Primary, class A"),
    "1B": _("Primary, class B"),
    "1C": _("Primary, class C"),
    "1": _("Primary, class not assessed"),
    "none": _("No grade"),
}
AFFILIATIONS = {
    "central": _("Central"),
    "province": _("Province"),
    "city": _("City"),
    "county": _("County"),
    "township": _("Township"),
    "village": _("Village"),
    "other": _("Other"),
}
OWNERSHIPS = {"government": _("Run by government"), "public": _("Public, not run by government"), "private": _("Private")}
DEVELOPMENTS = {
    "high_end": _("High-end services"),
    "specialised": _("Specialised, refined"),
    "feature": _("Feature specialties"),
    "scarce": _("Scarce specialties"),
    "third_party": _("Third-party services"),
    "other": _("Other"),
}
ALLIANCE_KINDS = {
    "county_community": _("County medical community"),
    "city_group": _("City medical group"),
    "specialty": _("Specialty alliance"),
    "tele_network": _("Telemedicine network"),
}
MEMBER_ROLES = {"lead": _("Lead"), "central_branch": _("Central branch"), "branch": _("Ordinary branch"), "member": _("Member")}
RESOURCES = {"people": _("People"), "money": _("Money"), "goods": _("Goods")}
CATEGORIES = {
    "physician": _("Physician"),
    "nurse": _("Nurse"),
    "pharmacist": _("Pharmacist"),
    "technician": _("Technician"),
    "village_doctor": _("Village doctor"),
    "manager": _("Manager"),
    "other": _("Other"),
}
TITLES = {
    "none": _("No title"),
    "junior": _("Junior title"),
    "intermediate": _("Intermediate title"),
    "deputy_senior": _("Deputy senior title"),
    "senior": _("Senior title"),
}
ROLE_KINDS = {"employed": _("Employed"), "sent_down": _("Sent down"), "multi_site": _("Practises at several sites")}
DUTIES = {
    "referral_review": _("Referral review"),
    "referral_desk": _("Referral desk"),
    "ward": _("Ward"),
    "emergency": _("Emergency"),
    "on_call": _("On call"),
}
GAPS: dict[str, Any] = {
    "no_leading_group": _("no leading group of the reform"),
    "second_leading_group": _("a second leading group"),
    "no_secretariat": _("no secretariat of the leading group"),
    "no_head": _("nobody heads the leading group"),
    "no_sanyi_leader": _("no leader for the three medical sectors"),
    "no_operations_committee": _("no operations committee"),
    "no_task_force": _("no task force with members"),
    "no_three_a_partner": _("no alliance with a tertiary hospital of class A"),
    "not_tight": _("people, money and goods are not all under one management"),
    "no_management_committee": _("no management committee that supervises the community"),
    "no_lead": _("no lead"),
    "no_community": _("no county community with a lead"),
    "no_referral_review": _("neither a group nor an officer for referral review"),
    "no_referral_manager": _("no referral manager in post"),
    "no_development": _("no type of development"),
    "town_without_institution": _("no primary institution in this town"),
    "list_short": _("fewer entries than the clause names"),
    "list_long": _("more entries than the clause names"),
}
"""What a gap of the register is called."""
SUCCESSIONS = {"merged": _("went into"), "split": _("came out of"), "continued": _("is continued by")}
SUCCESSIONS_OF_IT = {
    "merged": _("Went into another institution:"),
    "split": _("Another institution came out of it:"),
    "continued": _("Is continued by:"),
}
SUCCESSIONS_OF_OTHER = {
    "merged": _("Another institution went into it:"),
    "split": _("Came out of another institution:"),
    "continued": _("Continues another institution:"),
}
"""What a succession is called on the page of the predecessor, and on that of the successor."""
RELATIONS = {"trusteeship": _("Trusteeship"), "agreement": _("Collaboration agreement"), "partnership": _("Partnership")}

REGION_KINDS = {
    "province": _("A province"),
    "city": _("A city"),
    "county": _("County or district"),
    "town": _("Town"),
    "township": _("A township"),
    "street": _("Street (urban township)"),
    "zone": _("Functional zone"),
    "village": _("A village"),
    "community": _("Community"),
}
YES_NO = {True: _("yes"), False: _("no")}

FIELDS = {
    "name": _("Name of the institution"),
    "code": _("Institution code"),
    "uscc": _("Unified social credit code"),
    "region": _("Where it lies"),
    "care_tier": _("Care tier"),
    "grade": _("Grade"),
    "ws218": _("WS 218 class"),
    "affiliation": _("Affiliation"),
    "ownership": _("Ownership"),
    "integrated": _("Integrated village clinic"),
    "development": _("Type of private development"),
}
"""What the particulars of an organisation are called."""
VALUES: dict[str, Mapping[Any, Any]] = {
    "care_tier": TIERS,
    "grade": GRADES,
    "affiliation": AFFILIATIONS,
    "ownership": OWNERSHIPS,
    "integrated": YES_NO,
    "development": DEVELOPMENTS,
}
"""Particulars that are codes, and what the codes are called."""


def value_text(field: str, value: Any) -> str:
    """A particular in words; empty when it is not known."""
    return str(VALUES[field].get(value, value)) if field in VALUES else str(value or "")


def relation_text(kind: str, source: bool) -> str:
    """What a tie is called on the page of its source, or of its target: of a trusteeship the source has taken the target on."""
    if kind == "trusteeship":
        return str(_("Holds in trusteeship") if source else _("Is in the trusteeship of"))
    return str(RELATIONS[kind])


def kind_text(org: Organisation) -> str:
    """What an organisation is: its tier when it is one of care, else its kind of agency or group."""
    if org.kind == "care":
        return str(TIERS[org.care_tier])
    return str(AGENCY_KINDS.get(org.agency_kind) or FORCE_KINDS.get(org.force_kind) or KINDS[org.kind])


WORDS = {
    "region": _("the region does not exist at present"),
    "ended": _("it has ended already"),
    "future": _("the day lies in the future"),
    "before": _("the day lies before the last change"),
    "day": _("the day does not fit"),
    "same": _("it is the same one"),
    "kinds": _("they are of different kinds"),
    "open_between": _("an open referral goes from one to the other; finish it first"),
    "only_care": _("only institutions of care join"),
    "branches": _("only county communities have branches"),
    "public_members": _("a city group has public hospitals and community centres"),
    "second_lead": _("it has a lead already"),
    "lead_level": _("the lead's grade is too low"),
    "twice": _("it is there already"),
    "code": _("the code does not fit"),
    "merge": _("these regions are not neighbours of one kind"),
    "times": _("the end does not lie after the start"),
    "dates": _("the end does not lie after the start"),
    "not_here": _("the person does not work there on that day"),
    "code_taken": _("another one has this code"),
    "name_taken": _("another alliance has this name"),
    "own_post": _("your own post is there"),
    "trustee": _("another institution holds it in trusteeship at that time"),
    "elsewhere": _("the person still works elsewhere; end that first"),
    "parent": _("the code does not begin as that of the region above"),
}
_WHY_NOT_ALLIANCE = _(
    "Only institutions of care join. A county community has branches and a lead of the second level or higher; specialty alliances"
    " and telemedicine networks are led by a tertiary hospital; a city group has public hospitals and community centres; one"
    " community and one group at a time."
)


def register_gaps(find: Missing, words: Mapping[str, Any]) -> None:
    """Have a room above look for gaps as well. `words`: what its codes are called. Called at start-up."""
    GAPS.update(words)
    also_missing(find)


def register() -> None:
    """Called once at start-up."""
    register_words(WORDS)
    register_refusals(
        {
            "roles_exclude": (
                _("One person must not hold these roles together: %(roles)s."),
                _("The three administrators exclude each other and any clinical role. End the other post first."),
            ),
            "post_taken": (
                _("This person holds this post already."),
                _("Choose another role or institution, or end the post first."),
            ),
            "wrong_kind": (
                _("This account cannot hold this role."),
                _("Administrators and machines have accounts of their own, made by the security administrator."),
            ),
            "bad_cover": (
                _("This person cannot stand in there."),
                _("A stand-in is somebody else, in the same role and institution, on days on which the post stands."),
            ),
            "post_dates": (
                _("The days of this post do not fit."),
                _("It must end after it starts; a post that stands in for a colleague needs an end."),
            ),
            "out_of_reach": (
                _("You do not administer this institution or region."),
                _("Ask the administrator of its county, or of the level above."),
            ),
            "bad_change": (
                _("This change of the organisation cannot be made: %(why)s."),
                _("It must exist, its region must exist, and the day must lie after the last change and not in the future."),
            ),
            "not_alliance": (_("This membership is not possible: %(why)s."), _WHY_NOT_ALLIANCE),
            "cannot_merge": (
                _("These two organisations cannot become one: %(why)s."),
                _("Both must exist and be of the same kind."),
            ),
            "bad_region_change": (
                _("This change of the region cannot be made: %(why)s."),
                _("Give a code of the same length that nobody has, and a day after the last change and not in the future."),
            ),
            "bad_shift": (
                _("This duty or work is not possible: %(why)s."),
                _("The person must work there on that day, the end must lie after the start, and it must not be there already."),
            ),
            "number_taken": (
                _("Somebody of this institution has, or had, this staff number."),
                _("Give another number, or look for the person in the staff list."),
            ),
            "second_head": (
                _("This seat is taken."),
                _("A group has one head and one leader of the three medical sectors; end the other seat first."),
            ),
        }
    )
