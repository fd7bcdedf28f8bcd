"""`python -m switchlib report`: one HTML file that shows a process or a timeline.

    cli.py        the command
    sources.py    reads a process, a core file, a timeline, or what `dump --json` printed
    greenlets.py  what the page is given of greenlets
    timeline.py   what the page is given of a timeline
    page.py       writes the file
    page/         the page itself: HTML, CSS and JavaScript, which page.py puts into the file

The file needs no network and no server. Its scripts get everything as one JSON value, whose form
greenlets.py and timeline.py describe.
"""
