"""The ledger: a git repository that says what each launch was made from, and who is champion, since when and why."""
