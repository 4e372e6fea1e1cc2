"""``python -m tools``: writes every page that is made from the code; tests hold the pages fresh."""

from tools import (
    architecture_picture,
    asyncapi_page,
    commands_page,
    data_model_page,
    rules_page,
    topics_page,
)

PAGES = (architecture_picture, asyncapi_page, commands_page, data_model_page, rules_page, topics_page)

if __name__ == "__main__":
    for made in PAGES:
        made.PAGE.write_text(made.page())
