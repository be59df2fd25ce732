"""
Events told to addresses of the user's own choice, signed as standardwebhooks has it.

A trigger makes a delivery of each event that a webhook wants. The tick signs what is due and puts
it on a queue; `deliver`, which has no database, opens the address behind the guard and says on the
results queue how it went; `record` writes that down, and what failed is due again later.
"""
