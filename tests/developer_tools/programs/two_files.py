"""Greenlets that alternate between two files, in the middle of functions."""

import other_file
from greenlet import getcurrent, greenlet

main = getcurrent()


def leaf(turns, flag):
    for turn in range(turns):
        other_file.hand_over(main, turn)
        if flag:
            turn += 1  # never
        else:
            turn -= 1
    return "left"


def branch(turns):
    result = leaf(turns, False)
    if result == "right":
        return "wrong"  # never
    return result


left, right = greenlet(branch), greenlet(other_file.branch)
found = [other_file.hand_over(left, 3), other_file.hand_over(right, 3)]
while not (left.dead and right.dead):
    found.append(other_file.hand_over(left))
    found.append(other_file.hand_over(right))
    other_file.between()
    if not found:
        print("nothing")  # never
print(len(found))
