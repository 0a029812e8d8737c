"""What people are told: what happened since the last look, in words, and where they find more."""
