"""
Removing what somebody has the right to have removed, and keeping it out.

A takedown counts from the moment it is asked for: `plan` and `record` refuse what it means. The
`takedown` function makes tombstones of the images that are there, and the exports that hold them
are withheld. When its grace is over the bytes go: those exports lose their files, and packs are
written anew. Until then it can be revoked, which brings everything back.
"""
