"""What is worked out from care that was given: ways of patients, the quality of referrals."""
