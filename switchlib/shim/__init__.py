"""A directory that, standing on sys.path, makes `import greenlet` yield switchlib."""
