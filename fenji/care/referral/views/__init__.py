"""Pages of referrals: `writing`, `moving` and `lists` of cases; `facts`: what officers see of them, without the persons."""
