"""``python -m tools``: writes every page generated from the code; tests check that the pages are current."""

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
