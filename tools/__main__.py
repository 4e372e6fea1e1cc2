"""``python -m tools``: writes all that is made from the code, and from tables of texts; tests check that it is current.

New event schemas get their ids and samples, which then stay as they are; pages and modules are written each time.
"""

from schemas.pin import pin
from tests import samples
from tools import (
    architecture_picture,
    asyncapi_page,
    clear_part,
    commands_page,
    data_model_page,
    level_documents,
    rules_page,
    shape_modules,
    topics_page,
)

PAGES = (architecture_picture, asyncapi_page, clear_part, commands_page, data_model_page, rules_page, topics_page)

if __name__ == "__main__":
    for line in pin():
        print(line)
    samples.main()
    for made in PAGES:
        made.PAGE.write_text(made.page())
    for file, content in (*shape_modules.modules(), *level_documents.documents()):
        file.write_text(content)
