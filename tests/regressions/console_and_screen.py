"""A console that runs user code in one greenlet and its screen in another crashed at the first
command. Reported as greenlet 291.
"""

from switchlib import getcurrent, greenlet

main = getcurrent()


def user():
    while True:
        source = main.switch("more")
        exec(source, {"ask": lambda text: main.switch(text)})


console = greenlet(user)
console.switch()
print(console.switch("for n in range(2): ask('text')"), console.switch(), console.switch())

# prints: text text more
