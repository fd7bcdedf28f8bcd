"""greenlet(parent=None) crashed. Reported as greenlet 21."""

from switchlib import getcurrent, greenlet

main = getcurrent()

print(greenlet(lambda: 5, None).switch(), greenlet(run=len, parent=None).parent is main)

# prints: 5 True
