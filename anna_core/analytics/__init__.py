"""What a launch found out, for people: the leaderboard, the plots and the report."""
