"""Pages of referrals: `cases` writing, judging, showing and moving one; `facts` what officers see of them, without the persons."""
