"""Errors: one class per rule that refuses, by family, plus errors of stores.

A message says what, where and what to do; it never contains a name or a trait. Import an error from here; a new one is
written in its family's module alone.
"""

from domain.errors.accesses import *
from domain.errors.actors import *
from domain.errors.consents import *
from domain.errors.directory import *
from domain.errors.doses import *
from domain.errors.erasures import *
from domain.errors.identities import *
from domain.errors.keys import *
from domain.errors.links import *
from domain.errors.orders import *
from domain.errors.policies import *
from domain.errors.readings import *
from domain.errors.refusal import *
from domain.errors.rules import *
from domain.errors.sizes import *
from domain.errors.stores import *
from domain.errors.studies import *
