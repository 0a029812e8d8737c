"""Running a deployment on one machine: its processes, their logs and limits."""
