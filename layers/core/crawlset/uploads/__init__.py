"""Lists that people upload, or send in a request: who owns each object below `uploads/`."""
