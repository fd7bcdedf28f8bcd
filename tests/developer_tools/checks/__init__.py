"""What is done with each tool; a file for each kind of tool. Importing it fills `CHECKS`."""

from tests.developer_tools.checks import (  # noqa: F401
    coverage,
    debuggers,
    dumps,
    memory,
    monitors,
    profilers,
    recipes,
    sampling,
)
