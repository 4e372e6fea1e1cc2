"""``python -m tools``: writes every page that is made from the code; tests hold the pages fresh."""

from tools import asyncapi_page, topics_page

PAGES = (asyncapi_page, topics_page)

if __name__ == "__main__":
    for made in PAGES:
        made.PAGE.write_text(made.page())
