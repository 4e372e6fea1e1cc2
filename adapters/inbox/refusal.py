"""Why an object is not taken in. The message names what is wrong and what to do, never a value: those name people."""


class Refused(Exception):
    """This object cannot be taken in as it is; sending the same bytes again will not help. Others are not affected."""
