"""What the steps of the smoke run share: the people, the patient, and how a miss is said."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fenji.config.walker import Page, Walker


class Missed(AssertionError):
    """A step did not show what it should."""


def expect(found: object, what: str) -> None:
    """Raise Missed unless `found`."""
    if not found:
        raise Missed(what)


@dataclass
class Walk:
    """The people, the patient, and what has been seen so far."""

    base: str
    words: dict[str, str]
    card: str
    name: str
    people: dict[str, Walker] = field(default_factory=dict)
    number: str = ""
    resident: str = ""
    next_resident: str = ""
    next_name: str = ""
    last4: str = ""
    session: str = ""
    stay: str = ""
    branch: str = ""

    def as_(self, login: str) -> Walker:
        """Somebody, signed in once."""
        if login not in self.people:
            walker = Walker(self.base)
            page = walker.sign_in(login, self.words[login])
            expect(page.status == 200 and "/logout/" in page.body, f"{login} cannot sign in ({page.status})")
            self.people[login] = walker
        return self.people[login]

    def case_page(self, login: str) -> Page:
        """The case as somebody sees it."""
        return self.as_(login).get(f"/referrals/{self.number}/")

    def act(self, login: str, action: str, state: str, **fields: str) -> Page:
        """Take an action and expect the state it leads to, named on the page."""
        page = self.as_(login).send(self.case_page(login), f"/do/{action}", **fields)
        expect(page.status == 200, f"{login} {action}: {page.status} {page.text[:200]}")
        expect(f'data-state="{state}"' in page.body, f"{login} {action}: the case is not {state}")
        return page

    def slot_is(self, state: str) -> None:
        """Expect what the hospital's desk sees in the session: the patient on a slot, in a state."""
        page = self.as_("desk").get(f"/booking/sessions/{self.session}/")
        rows = [row for row in re.findall(r"<tr>.*?</tr>", page.body, re.DOTALL) if f'href="/referrals/{self.number}/"' in row]
        expect(len(rows) == 1, f"the desk sees the patient on {len(rows)} slots of the session ({page.status})")
        expect(f"</svg>{state}</span>" in rows[0], f"the desk does not see the slot {state}")

    def waits_for(self, login: str) -> bool:
        """True when the case is on somebody's desk."""
        return f'data-waits="{self.number}"' in self.as_(login).get("/").body
