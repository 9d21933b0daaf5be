"""Which referrals of a cycle are reviewed. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from fenji.ground.common.units import PERCENT
from fenji.measure.referral_quality.rules.policy import QualityPolicy


def sample(numbers: Iterable[str], size: int, seed: str) -> list[str]:
    """`size` of the numbers, each as likely as any other, without replacement; all of them when there are no more. In drawn order.

    Each number gets a rank: HMAC-SHA-256 of the number under the seed, as bytes. The lowest ranks are drawn. So the order and the
    repetition of what is given do not matter, nor the version of Python; a larger sample contains a smaller one of the same seed;
    and a number that is added or taken away moves no other's rank. Whoever knows the seed can draw again and compare; whoever
    does not know it beforehand cannot choose a number that will be drawn.
    """
    key = seed.encode()
    ranked = sorted((hmac.new(key, number.encode(), hashlib.sha256).digest(), number) for number in set(numbers))
    return [number for _, number in ranked[: max(size, 0)]]


def sample_size(total: int, policy: QualityPolicy) -> int:
    """How many of `total` referrals a cycle draws: the share, rounded up, and at least the least number, as far as there are
    any."""
    share = -(-total * policy.sample_percent // PERCENT)
    return min(total, max(share, policy.sample_least))


def drawn(numbers: Iterable[str], seed: str, policy: QualityPolicy) -> list[str]:
    """The referrals that a cycle reviews."""
    known = set(numbers)
    return sample(known, sample_size(len(known), policy), seed)
