"""Quick look: a page that shows a study as pictures, with its report and dose. Not for diagnosis."""
