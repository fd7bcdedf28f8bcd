"""Functions compiled by Cython, as gevent's are."""

def function(work, depth):
    def run():
        work(depth)
    return run
