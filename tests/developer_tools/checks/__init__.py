"""What is done with each tool; a file for each kind of tool."""

from tests.developer_tools.checks import (
    coverage,
    debuggers,
    dumps,
    memory,
    monitors,
    profilers,
    recipes,
    sampling,
)

MODULES = (coverage, profilers, sampling, dumps, memory, debuggers, monitors, recipes)
"""In the order of the table."""
