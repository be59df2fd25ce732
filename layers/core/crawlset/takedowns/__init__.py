"""
Removing what somebody has the right to have removed, and keeping it out.

A takedown counts from the moment it is asked for: `plan` and `record` refuse what it means. The
`takedown` function then makes tombstones of the images that are there, withdraws the exports that
hold them, and writes their packs anew without them.
"""
