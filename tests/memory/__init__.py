"""csrc/memory/: memory for greenlets, and how much of it there is at each time."""
