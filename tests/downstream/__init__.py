"""The programs that stand on greenlet, and their own tests, on switchlib and on greenlet."""
