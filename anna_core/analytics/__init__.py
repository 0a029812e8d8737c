"""What a launch found, for people: the leaderboard, the plots and the report."""
