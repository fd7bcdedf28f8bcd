"""Getting switchlib, and using it in greenlet's place: the build, the shim,
`python -m switchlib`, installers.
"""
