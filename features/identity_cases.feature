Feature: Who is one person, and who is not: the cases that other systems get wrong
  The rules are those that ship. Where nothing else is said somebody is FICTIVE Lea, a woman born on 1980-04-12 in 33063.

  Background:
    Given the rules that ship are in force

  Rule: Blank bridge: who has no number never makes one person of two who have different ones

    Scenario Outline: C without a number agrees with A and with E, whoever comes first
      When <first>, <second> and <third> are registered, A with number 012, E with number 099 and C without one
      Then they are 3 persons
      And a clerk is asked about C and A, and about C and E
      And no rule merged C with anybody

      Examples:
        | first | second | third |
        | A     | C      | E     |
        | A     | E      | C     |
        | C     | A      | E     |

    Scenario: A clerk said who C is, and that leads to nobody else
      Given A, E and C are registered, A with number 012, E with number 099 and C without one
      When a clerk merges C and A
      Then C and A are one person
      And E is a person apart

  Rule: Differing numbers: two who are alike in all traits are never merged by a rule

    Scenario: Five strict traits are equal, and the numbers differ
      When these are registered:
        | who | number |
        | A   | 012    |
        | E   | 099    |
      Then they are 2 persons
      And a clerk is asked about A and E, and told "INS differ"

  Rule: Placeholders: what is not known makes nobody alike

    Scenario Outline: Two of whom nothing is known
      When these are registered:
        | who | family   | given   | born       | place |
        | A   | <family> | <given> | 1900-01-01 | 99999 |
        | E   | <family> | <given> | 1900-01-01 | 99999 |
      Then they are 2 persons
      And nobody is asked

      Examples:
        | family          | given |
        | INCONNU         | X     |
        | BÉBÉ            | BÉBÉ  |
        | BÉBÉ DE FICTIVE | BÉBÉ  |

    Scenario Outline: A newborn without a name is anybody who was born there that day
      When these are registered:
        | who | family          | given   |
        | A   | BÉBÉ DE FICTIVE | BÉBÉ    |
        | E   | <family>        | <given> |
      Then they are 2 persons
      And nobody is asked

      Examples:
        | family         | given |
        | FICTIVE        | Lea   |
        | BÉBÉ DE FABULE | X     |

    Scenario Outline: A newborn of whom one name is known may be who bears it
      When these are registered:
        | who | family   | given   |
        | A   | <family> | <given> |
        | E   | FICTIVE  | Lea     |
      Then they are 2 persons
      And a clerk is asked about A and E, and told "<words>"

      Examples:
        | family          | given | words            |
        | BÉBÉ DE FICTIVE | Lea   | same given name  |
        | FICTIVE         | BÉBÉ  | same family name |

  Rule: Repeated word: MARTIN MARTIN is one level below MARTIN, not equal

    Scenario: All else is equal
      When these are registered:
        | who | family        |
        | A   | MARTIN MARTIN |
        | E   | MARTIN        |
      Then they are 2 persons
      And a clerk is asked about A and E, and told "one family name is part of the other"

  Rule: The number of another person, a parent's or a spouse's: both are shown, and stay two

    Scenario Outline: Somebody is brought in under the number of A
      When these are registered:
        | who | family   | given   | born   | sex   | place   | number |
        | A   | FICTIVE  | Lea     |        |       |         | 012    |
        | E   | <family> | <given> | <born> | <sex> | <place> | 012    |
      Then they are 2 persons
      And E waits for a clerk as one whose number is in doubt, and A does not
      And a search by that number shows A and E
      And side by side a clerk is told "same INS, in doubt: one seems to be somebody else's"

      Examples:
        | whose    | family  | given | born       | sex | place |
        | parent's | FICTIVE | Rose  | 2015-06-20 | F   | 33063 |
        | spouse's | MARTIN  | Paul  | 1978-11-03 | M   | 75056 |

  Rule: Identity case 14, the event of any merge says who, why, by which rule, on what, and what was chosen

    Scenario: A rule merged them
      When these are registered:
        | who | number |
        | A   | 012    |
        | E   | 012    |
      Then A and E are one person
      And the event of the merge says rule sure of version 2, by system:policy-matching, with a score and a reason
      And it says that "number own", "given exact" and "birth exact" were compared
      And before the merge each stated what they state now

    Scenario: A clerk merged them though their birth dates differ
      Given these are registered:
        | who | born       |
        | A   |            |
        | E   | 1981-05-13 |
      When a clerk merges A and E though birth_date differs
      Then A and E are one person
      And the event of the merge says rule human of version 0, by clerk:front-desk, without a score
      And it says that birth_date differed, and "papers seen" as the reason
      And before the merge each stated what they state now
