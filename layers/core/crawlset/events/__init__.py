"""What happened: the events of a job, the activity of an account."""
