"""Which OHIF is served: its package, and the SHA-512 of that, as npm states it. No other bytes are taken.

To change the version: change ``VERSION`` and ``INTEGRITY`` (``npm view @ohif/app@VERSION dist.integrity``), then see
whether ``making`` still finds what it rewrites, and whether the pages still open under their content security policy
(``tests/integration/test_viewer_browser.py``).
"""

from typing import Final

PACKAGE: Final = "@ohif/app"
VERSION: Final = "3.13.2"
INTEGRITY: Final = "WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
MIB: Final = 48
RECIPE: Final = 3
"""Of what is made of it. A change of ``making`` makes another one: browsers keep files for a year."""
EDITION: Final = f"{VERSION}-{RECIPE}"
BASE: Final = f"/viewer/app/{EDITION}/"
"""The path under which its files are served: it is written into them."""
