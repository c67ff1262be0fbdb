"""Pages for supervisors, dispatchers and planners."""
