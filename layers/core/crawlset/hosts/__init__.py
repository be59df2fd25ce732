"""
Hosts that users prove to be theirs, as ACME's http-01 has it: by a token in a file.

The tick queues checks that are due; `deliver`, which has no database, asks the host behind the
guard and says on the results queue what it found; `record` writes that down. What is proven is
checked again each month, and ends 90 days after the last check that found the token.
"""
