"""The job `prune`: what is too old goes, by the policy in anna.yaml."""
