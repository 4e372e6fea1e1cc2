"""``python -m tools``: writes every page and module generated from the code; tests check that they are current."""

from tools import (
    architecture_picture,
    asyncapi_page,
    commands_page,
    data_model_page,
    rules_page,
    shape_modules,
    topics_page,
)

PAGES = (architecture_picture, asyncapi_page, commands_page, data_model_page, rules_page, topics_page)

if __name__ == "__main__":
    for made in PAGES:
        made.PAGE.write_text(made.page())
    for file, content in shape_modules.modules():
        file.write_text(content)
